"""Finds the SELECTs of a query that can be computed beforehand: the lowest that a variable or the clock reaches."""

from collections.abc import Iterator
from dataclasses import dataclass

from hedgerow.language.query.materializing.shapes import (
    Names,
    aggregates,
    lambda_arguments,
    own_nodes,
    sub_queries,
)
from hedgerow.language.query.resolved import CteRef, TableRef
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk


@dataclass(frozen=True, slots=True)
class Core:
    """A SELECT whose tables are fixed. `ctes`: those it may name in its tables; `outermost`: it is the whole query."""

    select: nodes.SelectQuery
    names: Names
    ctes: dict[str, nodes.CTE]
    outermost: bool

    @property
    def aggregated(self) -> bool:
        """Whether it makes one row of many."""
        select = self.select
        return bool(select.group_by) or any(next(aggregates(expr), None) for expr in after_grouping(select))


def cores(tree: nodes.AnySelect) -> list[Core]:
    """All cores, in the order in which the query names them."""
    return list(_found(tree, _volatile_ctes(tree), {}, {}, outermost=True))


def clauses(select: nodes.SelectQuery) -> Iterator[nodes.Node]:
    """Every expression of a SELECT but its tables."""
    yield from filter(None, (select.prewhere, select.where))
    yield from select.group_by or []
    yield from after_grouping(select)


def after_grouping(select: nodes.SelectQuery) -> Iterator[nodes.Expr]:
    """The expressions that are evaluated on groups, where there are any."""
    yield from select.select
    yield from filter(None, (select.having, select.qualify, select.limit, select.offset, select.limit_by))
    yield from select.order_by or []
    yield from (select.window_exprs or {}).values()
    yield from select.interpolate or []


def joins(select: nodes.SelectQuery) -> Iterator[nodes.JoinExpr]:
    """The tables of a FROM clause."""
    join = select.select_from
    while join is not None:
        yield join
        join = join.next_join


def _found(
    tree: nodes.Expr,
    volatile: frozenset[str],
    ctes: dict[str, nodes.CTE],
    aliases: dict[str, nodes.Expr],
    *,
    outermost: bool = False,
) -> Iterator[Core]:
    if isinstance(tree, nodes.SelectSetQuery):
        legs = [tree.initial_select_query, *(each.select_query for each in tree.subsequent_select_queries)]
        shared = {**ctes, **_named(legs[0])}
        for leg in legs:
            yield from _found(leg, volatile, shared, aliases)
    elif isinstance(tree, nodes.SelectQuery):
        yield from _of_select(tree, volatile, ctes, aliases, outermost)


def _of_select(
    select: nodes.SelectQuery,
    volatile: frozenset[str],
    ctes: dict[str, nodes.CTE],
    aliases: dict[str, nodes.Expr],
    outermost: bool,
) -> Iterator[Core]:
    ctes = {**ctes, **{name: cte for name, cte in (select.ctes or {}).items() if cte.cte_type == "subquery"}}
    aliases = aliases | {name: cte.expr for name, cte in (select.ctes or {}).items() if cte.cte_type == "column"}
    for name, cte in (select.ctes or {}).items():
        if cte.cte_type == "subquery" and name in volatile and not cte.recursive:
            yield from _found(cte.expr, volatile, ctes, aliases)
    for inner in sub_queries(clauses(select)):
        if Names(volatile_ctes=volatile).volatile(inner):
            yield from _found(inner, volatile, ctes, aliases)
    names = Names(aliases | _aliases(select), lambda_arguments(clauses(select)), volatile)
    core = Core(select, names, ctes, outermost)
    if _fixed(core):
        if _reads_tables(core):
            yield core
        return
    for join in joins(select):
        if isinstance(join.table, nodes.SelectQuery | nodes.SelectSetQuery):
            yield from _found(join.table, volatile, ctes, aliases)


def _fixed(core: Core) -> bool:
    """Whether the tables, joins and array joins are the same for every run."""
    select, names = core.select, core.names
    parts: list[nodes.Node] = [*joins(select), *(select.array_join_list or [])]
    return not any(names.volatile(names.expanded(p) if isinstance(p, nodes.Alias) else p) for p in parts)


def _reads_tables(core: Core) -> bool:
    waiting: list[nodes.Node] = list(joins(core.select))
    seen: set[str] = set()
    while waiting:
        for node in walk(waiting.pop()):
            if isinstance(node, TableRef):
                return True
            if isinstance(node, CteRef) and node.name in core.ctes and node.name not in seen:
                seen.add(node.name)
                waiting.append(core.ctes[node.name].expr)
    return False


def _aliases(select: nodes.SelectQuery) -> dict[str, nodes.Expr]:
    """What the aliases stand for; those of an ARRAY JOIN stand for values of rows, as columns do."""
    return {
        node.alias: node.expr
        for clause in clauses(select)
        for node in own_nodes(clause)
        if isinstance(node, nodes.Alias) and not node.hidden
    }


def _named(leg: nodes.Expr) -> dict[str, nodes.CTE]:
    while isinstance(leg, nodes.SelectSetQuery):
        leg = leg.initial_select_query
    found = (leg.ctes or {}) if isinstance(leg, nodes.SelectQuery) else {}
    return {name: cte for name, cte in found.items() if cte.cte_type == "subquery"}


def _volatile_ctes(tree: nodes.AnySelect) -> frozenset[str]:
    """By name, wherever they are: two of one name are both taken for volatile when one of them is."""
    every = [cte for node in walk(tree) if isinstance(node, nodes.SelectQuery) for cte in (node.ctes or {}).values()]
    known: frozenset[str] = frozenset()
    while True:
        names = Names(volatile_ctes=known)
        found = frozenset(cte.name for cte in every if cte.cte_type == "subquery" and names.volatile(cte.expr))
        if found == known:
            return known
        known = found
