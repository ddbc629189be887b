"""What an expression of a resolved SELECT depends on: rows, variables, the clock, aggregation; and its text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hedgerow.language.query.materializing.reasons import NotExact
from hedgerow.language.query.passes.calls import is_aggregate
from hedgerow.language.query.print_hogql import print_hogql
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.query.resolved import ColumnRef, CteRef, NameRef, VariableValue
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import children, walk

CLOCK = frozenset({"now", "now64", "nowinblock", "today", "yesterday", "current_timestamp", "curdate", "current_date",
                   "utctimestamp", "utc_timestamp"})  # fmt: skip
"""Functions of the moment: like variables, they are evaluated when the query runs."""
RANDOM = frozenset({
    "rand", "rand32", "rand64", "randconstant", "randcanonical", "randuniform", "randnormal", "randlognormal",
    "randbinomial", "randnegativebinomial", "randpoisson", "randbernoulli", "randexponential", "randchisquared",
    "randstudentt", "randfisherf", "randomstring", "randomfixedstring", "randomprintableascii", "randomstringutf8",
    "generateuuidv4", "generateuuidv7", "generateulid", "generatesnowflakeid", "fuzzbits", "fuzzquery",
    "rownumberinblock", "rownumberinallblocks", "blocknumber", "blocksize", "runningdifference", "runningaccumulate",
    "runningdifferencestartingwithfirstvalue", "neighbor", "hostname", "uptime",
})  # fmt: skip
"""Functions with another answer each time, or for each order of the rows."""
_LONGEST = 200_000
STRUCTURE = (
    nodes.OrderExpr, nodes.WindowExpr, nodes.WindowFrameExpr, nodes.LimitByExpr, nodes.WithFillExpr,
    nodes.InterpolateExpr, nodes.GroupingSet, nodes.Lambda, nodes.NamedArgument,
)  # fmt: skip
"""Nodes that hold expressions and have no value of their own."""
_SELECTS = (nodes.SelectQuery, nodes.SelectSetQuery)


@dataclass(frozen=True, slots=True)
class Names:
    """What names stand for inside one SELECT.

    `aliases`: expressions by alias; `arguments`: the arguments of lambdas anywhere in it; `volatile_ctes`: common
    table expressions that depend on a variable or the clock.
    """

    aliases: Mapping[str, nodes.Expr] = field(default_factory=dict)
    arguments: frozenset[str] = frozenset()
    volatile_ctes: frozenset[str] = frozenset()

    def expanded(self, expr: nodes.Expr) -> nodes.Expr:
        """A copy with every alias replaced by what it stands for, and none defined."""
        budget = [_LONGEST]

        def change(node: nodes.Node) -> nodes.Node | None:
            budget[0] -= 1
            if budget[0] < 0:
                raise NotExact("query_too_large", "The query is too large once its aliases are spread out", expr)
            if isinstance(node, nodes.Alias):
                made: nodes.Node = rebuild(node.expr, change)
                return made
            if isinstance(node, NameRef) and node.name in self.aliases and node.name not in self.arguments:
                return rebuild(self.aliases[node.name], change)  # type: ignore[no-any-return]
            return None

        copy: nodes.Expr = rebuild(expr, change)
        return copy

    def text(self, expr: nodes.Expr) -> str:
        """The expression's text with aliases spread out: equal texts are equal values on the same row."""
        return print_hogql(self.expanded(expr))

    def volatile(self, node: nodes.Node) -> bool:
        """Whether the value depends on a variable or the clock; aliases are not looked into."""
        return any(self._moves(one) for one in walk(node))

    def _moves(self, node: nodes.Node) -> bool:
        if isinstance(node, nodes.Call):
            return node.name.lower() in CLOCK
        return isinstance(node, VariableValue) or (isinstance(node, CteRef) and node.name in self.volatile_ctes)

    def of_row(self, expr: nodes.Expr) -> bool:
        """Whether the value of an expanded expression can be kept in a column, row by row."""
        depends = False
        for node in own_nodes(expr):
            if isinstance(node, nodes.WindowFunction | nodes.GroupingSet):
                return False
            if isinstance(node, nodes.Call) and (is_aggregate(node.name) or multiplies(node)):
                return False
            depends = depends or isinstance(node, ColumnRef)
            if isinstance(node, NameRef) and node.name not in _bound(expr):
                if node.name in self.arguments:
                    return False
                depends = True
        return depends and not self.volatile(expr)


def own_nodes(node: nodes.Node) -> Iterator[nodes.Node]:
    """The node and those below that belong to the same SELECT: sub-queries are seen, and not looked into."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        if one is node or not isinstance(one, _SELECTS):
            waiting += [child for child in reversed(children(one)) if not isinstance(child, nodes.JoinExpr)]


def sub_queries(exprs: Iterable[nodes.Node]) -> Iterator[nodes.AnySelect]:
    """The outermost queries among expressions."""
    for expr in exprs:
        for node in own_nodes(expr):
            if isinstance(node, nodes.SelectQuery | nodes.SelectSetQuery):
                yield node


def aggregates(expr: nodes.Expr) -> Iterator[nodes.Call]:
    """The aggregations at this SELECT's own level."""
    for node in own_nodes(expr):
        if isinstance(node, nodes.Call) and is_aggregate(node.name):
            yield node


def lambda_arguments(exprs: Iterable[nodes.Node]) -> frozenset[str]:
    """The names of the arguments of all lambdas."""
    return frozenset(
        name for expr in exprs for node in own_nodes(expr) if isinstance(node, nodes.Lambda) for name in node.args
    )


def conjuncts(*conditions: nodes.Expr | None) -> list[nodes.Expr]:
    """The conditions that must all hold."""
    found: list[nodes.Expr] = []
    for condition in conditions:
        if isinstance(condition, nodes.And):
            found += conjuncts(*condition.exprs)
        elif condition is not None:
            found.append(condition)
    return found


def conjunction(conditions: list[nodes.Expr]) -> nodes.Expr | None:
    """One condition for all; `None` for none."""
    return nodes.And(conditions) if len(conditions) > 1 else conditions[0] if conditions else None


def _bound(expr: nodes.Expr) -> frozenset[str]:
    return lambda_arguments([expr])


def multiplies(node: nodes.Node) -> bool:
    """Whether it makes several rows of one: that happens once for all its uses, and in the query's own place."""
    return isinstance(node, nodes.Call) and node.name.lower() == "arrayjoin"
