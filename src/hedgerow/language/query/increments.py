"""Which output columns of a query can be a key by which its rows are made bit by bit, exactly.

A column is such a key when the rows that have one value of it are made of those rows alone that have the value in the
key's own table: new rows in the table then change nothing that was made of older ones.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hedgerow.language.query.catalog import Catalog, FunctionTable
from hedgerow.language.query.materializing.cores import after_grouping, clauses, joins
from hedgerow.language.query.materializing.shapes import Names, aggregates, lambda_arguments, own_nodes, sub_queries
from hedgerow.language.query.passes.guard import guard
from hedgerow.language.query.passes.resolve import resolve
from hedgerow.language.query.print_hogql import print_hogql
from hedgerow.language.query.resolved import ColumnRef, CteRef, NameRef, TableRef
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk

_Ctes = Mapping[str, nodes.CTE]
_Local = Counter[str] | None
"""The tables that carry a column, with how often each is read for it; `None` for a column that can be no key."""


@dataclass(frozen=True, slots=True)
class Increments:
    """`keys`: output column → the tables that carry it; `grouped`: the columns it is grouped by, if it is.

    `blockers` say why there can be no key, or none of some columns; `warnings` when a run has to be a full one.
    """

    keys: Mapping[str, frozenset[str]]
    grouped: tuple[str, ...]
    blockers: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    blockers: dict[str, None] = field(default_factory=dict)
    grouped: tuple[int, ...] = ()

    def block(self, text: str) -> None:
        self.blockers[text] = None


def increments(tree: nodes.AnySelect, catalog: Catalog) -> Increments:
    """What of a query can be made bit by bit (the tree is changed); raises what resolving raises."""
    resolved = resolve(tree, catalog)
    guard(resolved.tree, catalog)
    found = _Found()
    every = [name for node in walk(resolved.tree) if isinstance(node, nodes.SelectQuery) for name in _named(node)]
    if len(set(every)) < len(every):
        found.block("Two of its common table expressions have one name.")
    columns = _of_query(resolved.tree, {}, found, outermost=True)
    read = _reads(resolved.tree)
    keys: dict[str, frozenset[str]] = {}
    for name, carried in zip(resolved.relation.columns, columns, strict=True):
        if carried is None:
            continue
        twice = sorted(table for table, times in carried.items() if read[table] > times)
        if twice:
            found.block(f"It reads {twice[0]} more than once: rows of it that come later change earlier ones.")
            continue
        keys[name] = frozenset(carried)
    own = frozenset(table for tables in keys.values() for table in tables)
    others = sorted(table for table in read if table not in own)
    for table in others:
        if isinstance(catalog.tables[table].backing, FunctionTable):
            found.block(f"It reads the linked table {table} beside the key's own, whose changes cannot be seen.")
    warnings = [f"When {table} changes, the next run is a full one." for table in others]
    if not keys and not found.blockers:
        found.block("None of its columns is made of a row of the first table in FROM.")
    names = tuple(resolved.relation.columns)
    grouped = tuple(names[place] for place in found.grouped)
    return Increments({} if found.blockers else keys, grouped, tuple(found.blockers), tuple(warnings))


def _of_query(tree: nodes.Expr, ctes: _Ctes, found: _Found, *, outermost: bool = False) -> list[_Local]:
    if isinstance(tree, nodes.SelectSetQuery):
        return _of_set(tree, ctes, found)
    assert isinstance(tree, nodes.SelectQuery)
    return _of_select(tree, ctes, found, outermost)


def _of_set(tree: nodes.SelectSetQuery, ctes: _Ctes, found: _Found) -> list[_Local]:
    if tree.limit is not None or tree.offset is not None:
        found.block("LIMIT and OFFSET choose among all rows.")
    columns = _of_query(tree.initial_select_query, ctes, found)
    shared = {**ctes, **_named(tree.initial_select_query)}
    for leg in tree.subsequent_select_queries:
        if not leg.set_operator.upper().startswith("UNION"):
            found.block(f"{leg.set_operator.split()[0]} compares with all rows.")
        following = _of_query(leg.select_query, shared, found)
        columns = [
            one + other if one is not None and other is not None else None
            for one, other in zip(columns, following, strict=False)
        ]
    return [None for _ in columns] if found.blockers else columns


def _of_select(select: nodes.SelectQuery, ctes: _Ctes, found: _Found, outermost: bool) -> list[_Local]:
    ctes = {**ctes, **_named(select)}
    _look_at_clauses(select, found)
    names = Names(_aliases(select), lambda_arguments(clauses(select)))
    source, local = _source(select, ctes, found)
    arrays = {node.name for item in select.array_join_list or [] for node in walk(item) if isinstance(node, ColumnRef)}
    local = {name: carried for name, carried in local.items() if name not in arrays}
    grouping = _grouping(select, names)
    many = bool(grouping) or any(_aggregated(names.expanded(part)) for part in after_grouping(select))
    if many and not grouping:
        found.block("It makes one row of all rows: there is no GROUP BY.")
    exprs = [names.expanded(item) for item in select.select]
    columns = [_carried(expr, source, local, names) for expr in exprs]
    if not many:
        return columns
    keyed = [print_hogql(expr) in grouping for expr in exprs]
    if outermost:
        found.grouped = tuple(place for place, is_key in enumerate(keyed) if is_key)
    columns = [carried if is_key else None for carried, is_key in zip(columns, keyed, strict=True)]
    if grouping and not any(carried is not None for carried in columns):
        found.block("No column that it is grouped by can be the key: later rows change groups made earlier.")
    return columns


def _aggregated(expr: nodes.Expr) -> bool:
    return next(aggregates(expr), None) is not None


def _look_at_clauses(select: nodes.SelectQuery, found: _Found) -> None:
    if select.limit is not None or select.offset is not None:
        found.block("LIMIT and OFFSET choose among all rows.")
    if select.limit_by is not None:
        found.block("LIMIT BY chooses among all rows.")
    if select.group_by_mode:
        found.block(f"GROUP BY {select.group_by_mode.replace('_', ' ').upper()} makes totals of all rows.")
    if any(order.with_fill is not None for order in select.order_by or []):
        found.block("WITH FILL makes rows between all rows.")
    named = [cte.expr for cte in (select.ctes or {}).values() if cte.cte_type == "column"]
    own = [node for clause in (*clauses(select), *named) for node in own_nodes(clause)]
    if select.qualify is not None or any(isinstance(node, nodes.WindowFunction) for node in own):
        found.block("Window functions look at other rows.")


def _source(select: nodes.SelectQuery, ctes: _Ctes, found: _Found) -> tuple[str, dict[str, Counter[str]]]:
    """The first table's alias, and its columns that could be keys."""
    first, *others = list(joins(select)) or [nodes.JoinExpr()]
    for join in others:
        words = set((join.join_type or "").split())
        if words & {"RIGHT", "FULL"} or ("ANY" in words and "LEFT" not in words):
            found.block(f"{join.join_type} makes rows of what the first table does not have: put that table first.")
    table, alias = first.table, first.alias or ""
    if isinstance(table, TableRef):
        columns = table.table.columns
        return alias, {column.physical or column.name: Counter([table.table.name]) for column in columns}
    if isinstance(table, CteRef) and table.name in ctes:
        cte = ctes[table.name]
        if cte.recursive:
            return alias, {}
        rest = {name: other for name, other in ctes.items() if name != table.name}
        return alias, _by_name(cte.expr, rest, found)
    if isinstance(table, nodes.SelectQuery | nodes.SelectSetQuery):
        return alias, _by_name(table, ctes, found)
    return alias, {}


def _by_name(tree: nodes.Expr, ctes: _Ctes, found: _Found) -> dict[str, Counter[str]]:
    columns, first = _of_query(tree, ctes, found), tree
    while isinstance(first, nodes.SelectSetQuery):
        first = first.initial_select_query
    assert isinstance(first, nodes.SelectQuery)
    named = zip(first.select, columns, strict=True)
    return {item.alias: carried for item, carried in named if isinstance(item, nodes.Alias) and carried is not None}


def _grouping(select: nodes.SelectQuery, names: Names) -> set[str]:
    """The texts of what it is grouped by; a number is the column at that place."""
    texts = set()
    for expr in select.group_by or []:
        texts.add(names.text(_numbered(select, expr)))
    return texts


def _numbered(select: nodes.SelectQuery, expr: nodes.Expr) -> nodes.Expr:
    value = expr.value if isinstance(expr, nodes.Constant) else None
    return select.select[value - 1] if isinstance(value, int) and 0 < value <= len(select.select) else expr


def _carried(expr: nodes.Expr, source: str, local: Mapping[str, Counter[str]], names: Names) -> _Local:
    """The tables that carry the value of an expanded expression, when it is made of the first table's row alone."""
    if not names.of_row(expr):
        return None
    columns = [node for node in walk(expr) if isinstance(node, ColumnRef)]
    arguments = lambda_arguments([expr])
    if not columns or any(isinstance(node, NameRef) and node.name not in arguments for node in walk(expr)):
        return None
    if next(sub_queries([expr]), None) is not None:
        return None
    if any(column.source != source or column.name not in local for column in columns):
        return None
    return local[columns[0].name]


def _aliases(select: nodes.SelectQuery) -> dict[str, nodes.Expr]:
    found = {cte.name: cte.expr for cte in (select.ctes or {}).values() if cte.cte_type == "column"}
    every = (node for clause in clauses(select) for node in own_nodes(clause))
    return found | {node.alias: node.expr for node in every if isinstance(node, nodes.Alias) and not node.hidden}


def _named(tree: nodes.Expr) -> dict[str, nodes.CTE]:
    while isinstance(tree, nodes.SelectSetQuery):
        tree = tree.initial_select_query
    ctes = (tree.ctes or {}) if isinstance(tree, nodes.SelectQuery) else {}
    return {name: cte for name, cte in ctes.items() if cte.cte_type == "subquery"}


def _reads(tree: nodes.AnySelect) -> Counter[str]:
    """How often each table is read, with the common table expressions spread out."""
    every = {
        name: cte for node in walk(tree) if isinstance(node, nodes.SelectQuery) for name, cte in _named(node).items()
    }
    inside = {id(node) for cte in every.values() for node in walk(cte.expr)}
    counted: dict[str, Counter[str]] = {}

    def count(found: Iterator[nodes.Node], above: frozenset[str]) -> Counter[str]:
        total = Counter[str]()
        for node in found:
            if isinstance(node, TableRef):
                total[node.table.name] += 1
            elif isinstance(node, CteRef) and node.name in every and node.name not in above:
                if node.name not in counted:
                    counted[node.name] = count(walk(every[node.name].expr), above | {node.name})
                total += counted[node.name]
        return total

    return count((node for node in walk(tree) if id(node) not in inside), frozenset())
