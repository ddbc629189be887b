"""Plans the tables of a query: what each holds and how it is filled."""

from dataclasses import dataclass, replace

from hedgerow.language.query.materializing import ranges
from hedgerow.language.query.materializing.aggregation import Aggregation
from hedgerow.language.query.materializing.cores import Core, clauses, cores, joins
from hedgerow.language.query.materializing.pieces import ROWS, STATES, Key, Piece, Range, State
from hedgerow.language.query.materializing.reading import Reading, read_core
from hedgerow.language.query.materializing.reasons import NotExact
from hedgerow.language.query.materializing.rewriting import StatesImpossible, check_orders
from hedgerow.language.query.materializing.shapes import (
    RANDOM,
    Names,
    conjunction,
    conjuncts,
    multiplies,
    own_nodes,
)
from hedgerow.language.query.print_hogql import print_hogql
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.query.resolved import ColumnRef, CteRef, VariableValue
from hedgerow.language.query.types import bare
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

_SORTABLE = ("String", "FixedString", "Int", "UInt", "Date", "UUID", "Enum", "Bool", "Decimal", "Float", "IPv")
_MOST_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """A table to be: what is to be kept of it, and the SELECT that fills it."""

    piece: Piece
    fill: nodes.SelectQuery


def plan(tree: nodes.AnySelect, name: str, buckets: dict[str, str]) -> list[Draft]:
    """The tables of a resolved query. Raises `NotExact` when it cannot be answered exactly from any.

    `buckets`: the bucket by time column, for other buckets than days.
    """
    found = cores(tree)
    if not found:
        raise _nothing(tree)
    return [_draft(core, name if place == 0 else f"{name}_{place + 1}", buckets) for place, core in enumerate(found)]


def _nothing(tree: nodes.AnySelect) -> NotExact:
    for node in walk(tree):
        if isinstance(node, nodes.JoinExpr) and node.constraint is not None:
            used = next((one for one in walk(node.constraint) if isinstance(one, VariableValue)), None)
            if used is not None:
                text = f"Variable {used.variable} is used in a JOIN: use it in WHERE, or in a sub-query"
                return NotExact("variable_in_join", text, used)
    return NotExact("no_table", "The query reads no table", tree)


def _draft(core: Core, name: str, buckets: dict[str, str]) -> Draft:
    every = [*core.select.select, *filter(None, [core.select.having, core.select.qualify])]
    check_orders([*every, *(order.expr for order in core.select.order_by or [])])
    multiplied = [node for clause in clauses(core.select) for node in own_nodes(clause) if multiplies(node)]
    if multiplied and any(multiplies(n) for c in conjuncts(core.select.prewhere, core.select.where) for n in walk(c)):
        raise NotExact(
            "array_join_in_where", "arrayJoin() in WHERE cannot be materialized: use ARRAY JOIN", multiplied[0]
        )
    if core.aggregated and core.select.group_by_mode != "all" and not multiplied:
        try:
            return _Planner(core, name, STATES, buckets).draft()
        except StatesImpossible:
            pass
    return _Planner(core, name, ROWS, {}).draft()


class _Planner:
    """Gathers the columns that reading asks for."""

    def __init__(self, core: Core, name: str, mode: str, buckets: dict[str, str]) -> None:
        self._core, self._name, self._mode, self._buckets = core, name, mode, buckets
        self._keys: dict[str, tuple[Key, nodes.Expr]] = {}
        self._states: dict[str, tuple[State, nodes.Expr]] = {}
        self._ranges: dict[str, tuple[Range, ColumnRef]] = {}
        self._taken: set[str] = set()
        self._hints: dict[str, str] = {}

    def draft(self) -> Draft:
        """The table, by reading it once without having it."""
        select, names = self._core.select, self._core.names
        fixed = [c for c in conjuncts(select.prewhere, select.where) if not names.volatile(names.expanded(c))]
        moving = [c for c in conjuncts(select.prewhere, select.where) if names.volatile(names.expanded(c))]
        self._hint(moving)
        if self._mode == STATES:
            self._find_ranges(moving)
        read_core(self._copy(), Reading(self, tuple(each for each, _ in self._ranges.values())), self._mode)
        self._drop_ranges()
        fill = self._fill(fixed)
        _check_random(fill)
        piece = Piece(
            self._name,
            self._mode,
            source(self._core),
            tuple(key for key, _ in self._keys.values()),
            tuple(state for state, _ in self._states.values()),
            tuple(each for each, _ in self._ranges.values()),
            self._order(moving),
        )
        if len(self._keys) + len(self._states) > _MOST_COLUMNS:
            raise NotExact("too_many_columns", f"The table would need more than {_MOST_COLUMNS} columns", select)
        return Draft(piece, fill)

    # --- what reading asks for

    def key(self, expr: nodes.Expr) -> ColumnRef | None:
        text = self._core.names.text(expr)
        if text not in self._keys:
            self._keys[text] = Key(self._free(self._hints.get(text) or _shown(expr)), text), expr
        return ColumnRef(self._name, self._keys[text][0].name)

    def state(self, call: nodes.Call, aggregation: Aggregation) -> ColumnRef:
        made, merge = aggregation.call, aggregation.merge
        text = print_hogql(made)
        if text not in self._states:
            name = self._free(f"{_plain(call.name)}_{len(self._states)}")
            self._states[text] = State(name, text, made.name, merge), made
        return ColumnRef(self._name, self._states[text][0].name)

    def rows(self) -> tuple[list[nodes.Alias], list[nodes.Alias]]:
        keys = [nodes.Alias(key.name, expr) for key, expr in self._keys.values()]
        return keys, [nodes.Alias(state.name, expr) for state, expr in self._states.values()]

    # --- inside

    def _copy(self) -> Core:
        copy: nodes.SelectQuery = rebuild(self._core.select, lambda _node: None)
        return replace(self._core, select=copy)

    def _hint(self, moving: list[nodes.Expr]) -> None:
        """A column that is compared with one variable is called after it."""
        for condition in moving:
            if isinstance(condition, nodes.CompareOperation):
                for side, other in ((condition.left, condition.right), (condition.right, condition.left)):
                    used = {one.variable for one in walk(other) if isinstance(one, VariableValue)}
                    if len(used) == 1:
                        self._hints.setdefault(self._core.names.text(side), used.pop())

    def _find_ranges(self, moving: list[nodes.Expr]) -> None:
        names = self._core.names
        for condition in moving:
            for bound in ranges.bounds(condition, names) or ():
                kind = ranges.kind(bound.column)
                text = names.text(bound.column)
                used = tuple(one.variable for one in walk(bound.value) if isinstance(one, VariableValue))
                if text not in self._ranges:
                    assert kind is not None
                    bucket = self._buckets.get(bound.column.name, "day")
                    name = self._free(used[0] if used else bound.column.name)
                    self._ranges[text] = Range(name, text, bucket, *kind), bound.column
                each, column = self._ranges[text]
                self._ranges[text] = ranges.widened(each, used), column

    def _drop_ranges(self) -> None:
        """A time that is kept as it is needs no buckets."""
        for text in [text for text in self._ranges if text in self._keys]:
            del self._ranges[text]

    def _fill(self, fixed: list[nodes.Expr]) -> nodes.SelectQuery:
        select, names = self._core.select, self._core.names
        keys, states = self.rows()
        starts = [nodes.Alias(each.name, ranges.bucketed(each, column)) for each, column in self._ranges.values()]
        grouped = [alias.expr for alias in (*keys, *starts)]
        made = nodes.SelectQuery(
            [*keys, *starts, *states] or [nodes.Alias("one", nodes.Constant(1))],
            ctes=_ctes(self._core),
            select_from=select.select_from,
            array_join_op=select.array_join_op,
            array_join_list=select.array_join_list,
            where=conjunction([names.expanded(condition) for condition in fixed]),
            group_by=grouped if self._mode == STATES and grouped else None,
        )
        copy: nodes.SelectQuery = rebuild(made, lambda _node: None)
        return copy

    def _order(self, moving: list[nodes.Expr]) -> tuple[str, ...]:
        """Columns compared for equality first, then ranges, then the rest of what is grouped by."""
        equal = [
            self._core.names.text(side)
            for condition in moving
            if isinstance(condition, nodes.CompareOperation) and condition.op in {"==", "in"}
            for side in (condition.left, condition.right)
        ]
        first = [self._keys[text][0].name for text in dict.fromkeys(equal) if text in self._keys]
        times = [each.name for each, _ in self._ranges.values()]
        rest = [key.name for key, _ in self._keys.values() if key.name not in first]
        compared = {self._core.names.text(part) for c in moving for part in walk(c) if isinstance(part, nodes.Expr)}
        if self._mode == ROWS:
            rest = [key.name for key, _ in self._keys.values() if key.text in compared and key.name not in first]
        return tuple([*first, *times, *rest][:8])

    def _free(self, wanted: str) -> str:
        name, many = wanted, 1
        while name in self._taken:
            many += 1
            name = f"{wanted}_{many}"
        self._taken.add(name)
        return name


def source(core: Core) -> str:
    """The text of all that a core's table is computed from beforehand, to tell whether it is still the same."""
    select, names = core.select, core.names
    fixed = [names.text(c) for c in conjuncts(select.prewhere, select.where) if not names.volatile(names.expanded(c))]
    tables = print_hogql(select.select_from) if select.select_from is not None else ""
    joined = [print_hogql(expr) for expr in select.array_join_list or []]
    ctes = [print_hogql(cte) for cte in (_ctes(core) or {}).values()]
    return "\n".join([tables, select.array_join_op or "", *joined, "--", *sorted(fixed), "--", *ctes])


def sortable(clickhouse_type: str) -> bool:
    """Whether a table may be kept in the order of a column of that type."""
    return bare(clickhouse_type).startswith(_SORTABLE)


def _ctes(core: Core) -> dict[str, nodes.CTE] | None:
    """The common table expressions that a core's tables and fixed parts need, in the order they were given."""
    needed: set[str] = set()
    waiting: list[nodes.Node] = [*joins(core.select), *conjuncts(core.select.prewhere, core.select.where)]
    while waiting:
        for node in walk(waiting.pop()):
            if isinstance(node, CteRef) and node.name in core.ctes and node.name not in needed:
                if node.name not in core.names.volatile_ctes:
                    needed.add(node.name)
                    waiting.append(core.ctes[node.name].expr)
    return {name: cte for name, cte in core.ctes.items() if name in needed} or None


def _check_random(fill: nodes.SelectQuery) -> None:
    for node in walk(fill):
        if isinstance(node, nodes.Call) and node.name.lower() in RANDOM:
            text = f"{node.name}() answers differently each time: a table would keep one of its answers"
            raise NotExact("not_deterministic", text, node)


def _shown(expr: nodes.Expr) -> str:
    return _plain(expr.name if isinstance(expr, ColumnRef) else print_hogql(expr))


def _plain(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in text)
    return kept.strip("_")[:40] or "key"


__all__ = ["Draft", "Names", "plan", "sortable", "source"]
