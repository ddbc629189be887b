"""Trees for property tests: `exprs()`, `queries()`, `programs()` draw what a text can say, a few levels deep."""

from functools import cache
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from hedgerow.language.syntax import nodes as n
from hedgerow.language.syntax.format import format_tree

Drawn = st.SearchStrategy[Any]

_COMPARISONS = [
    "==", "!=", "<", "<=", ">", ">=", "in", "not in", "in cohort", "not in cohort",
    "like", "ilike", "not like", "not ilike", "=~", "!~", "=~*", "!~*",
]  # fmt: skip
_TYPES = ["int", "string", "float64", "array(nullable(string))", "decimal(10, 2)", "datetime64(3, 'UTC')"]
_JOINS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "INNER JOIN", "LEFT OUTER JOIN", "ASOF INNER JOIN"]
_SETS = ["UNION ALL", "UNION DISTINCT", "INTERSECT", "EXCEPT", "INTERSECT DISTINCT"]

words = st.sampled_from(
    "a b c event properties $browser _x x1 date timestamp first last key day year name value f if any id method "
    "from select where order limit group by as and or not in is null true false inf nan left final sample array "
    "join with using on interval case when then else end cast columns values lambda let fn return desc "
    "asc over filter".split()
)
names = words | st.text("ab`\\ '\"{}<%é🦔\n", min_size=1, max_size=4)
plain_names = st.sampled_from(["a", "b", "c", "x1", "total", "event", "f"])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
numbers = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(0, 100)
    | st.floats(allow_nan=True, allow_infinity=True).map(lambda value: 0.0 if value == 0 else value)
)
constants = st.builds(n.Constant, st.none() | st.booleans() | texts | numbers)
fields = st.builds(n.Field, st.lists(names, min_size=1, max_size=3))
MAX_DEPTH = 2


def several(values: Drawn, least: int = 0) -> Drawn:
    return st.lists(values, min_size=least, max_size=3)


def _readable_not(node: n.Not) -> bool:
    """`not (…)` is a call of `not`."""
    return isinstance(node.expr, n.SelectQuery | n.SelectSetQuery) or not format_tree(node).startswith("NOT (")


@cache
def exprs(depth: int = MAX_DEPTH) -> Drawn:
    """Expressions with at most `depth` levels below."""
    return st.deferred(lambda: _exprs(depth))  # deferred: a short repr


def _exprs(depth: int) -> Drawn:
    if depth == 0:
        return constants | fields
    below = exprs(depth - 1)
    return st.one_of(
        constants, fields, constants, fields, constants, fields,
        _operators(below), _calls(below), _brackets(below), _access(below), _tags(below), queries(depth - 1),
    )  # fmt: skip


def columns(depth: int) -> Drawn:
    """What may stand in a select list or between a call's brackets."""
    below = exprs(depth)
    return st.one_of(
        below,
        st.builds(n.Alias, names, below),
        st.just(n.Field(["*"])),
        st.builds(n.ColumnsExpr, all_columns=st.just(True), exclude=several(names, 1)),
    )


def _operators(below: Drawn) -> Drawn:
    flat = st.lists(below, min_size=2, max_size=3)
    return st.one_of(
        flat.filter(lambda exprs: not any(isinstance(e, n.And) for e in exprs)).map(n.And),
        flat.filter(lambda exprs: not any(isinstance(e, n.Or) for e in exprs)).map(n.Or),
        st.builds(n.Not, below).filter(_readable_not),
        st.builds(n.CompareOperation, st.sampled_from(_COMPARISONS), below, below),
        st.builds(
            lambda op, e: n.CompareOperation(op, e, n.Constant(None), True), st.sampled_from(["==", "!="]), below
        ),
        st.builds(n.IsDistinctFrom, below, below, st.booleans()),
        st.builds(n.ArithmeticOperation, st.sampled_from("+-*/%"), below, below),
        st.builds(n.BetweenExpr, below, below, below, st.booleans()),
    )


def orders(below: Drawn) -> Drawn:
    fill = st.builds(n.WithFillExpr, st.none() | below, st.none() | below, st.none() | below)
    return st.builds(
        n.OrderExpr,
        below,
        st.sampled_from(["ASC", "DESC"]),
        nulls=st.sampled_from([None, "FIRST", "LAST"]),
        with_fill=st.none() | st.none() | fill,
    )


def windows(below: Drawn) -> Drawn:
    bound = st.just(n.WindowFrameExpr("CURRENT ROW")) | st.builds(
        n.WindowFrameExpr, st.sampled_from(["PRECEDING", "FOLLOWING"]), st.none() | st.integers(0, 99)
    )
    framed = st.sampled_from([None, "ROWS", "RANGE"])
    return st.builds(
        lambda by, order, method, start, end: n.WindowExpr(
            by or None, order or None, method, start if method else None, end if method else None
        ),
        several(below), several(orders(below)), framed, bound, st.none() | bound,
    )  # fmt: skip


def _calls(below: Drawn) -> Drawn:
    args = several(below)
    aliased = st.builds(n.Alias, plain_names, below)
    return st.one_of(
        st.builds(n.Call, names, several(below | aliased)),
        st.builds(n.Call, plain_names, args, args),
        st.builds(n.Call, plain_names, several(below, 1), distinct=st.booleans()),
        st.builds(n.Call, plain_names, args, filter_expr=below),
        st.builds(n.Call, plain_names, several(below, 1), order_by=several(orders(below), 1)),
        st.builds(n.Call, plain_names, st.just([]), several(below, 1), within_group=several(orders(below), 1)),
        st.builds(n.ExprCall, below, args),
        st.builds(n.WindowFunction, plain_names, args, args.filter(bool), over_expr=windows(below)),
        st.builds(n.WindowFunction, plain_names, st.just([]), args, over_identifier=plain_names),
        st.builds(n.TypeCast, below, st.sampled_from(_TYPES)),
        st.builds(n.TryCast, below, st.sampled_from(_TYPES)),
        st.builds(n.ColumnsExpr, regex=texts),
        st.builds(n.ColumnsExpr, columns=several(below, 1)),
    )


def _brackets(below: Drawn) -> Drawn:
    return st.one_of(
        st.builds(n.Array, several(below)),
        st.builds(n.Tuple, several(below, 1)),
        st.builds(n.Dict, several(st.tuples(below, below))),
        st.builds(n.Placeholder, below),
        st.builds(n.Lambda, several(plain_names), below),
        st.builds(n.NamedArgument, plain_names, below),
    )


def _access(below: Drawn) -> Drawn:
    return st.one_of(
        st.builds(n.TupleAccess, below, st.integers(0, 99), st.booleans()),
        st.builds(n.ArrayAccess, below, below, st.booleans()),
    )


def _tags(below: Drawn) -> Drawn:
    attribute = st.builds(n.HogQLXAttribute, plain_names, constants | below)
    children = st.builds(n.HogQLXAttribute, st.just("children"), several(below, 1))
    return st.builds(
        lambda kind, attributes, inside: n.HogQLXTag(kind, [*attributes, *inside]),
        plain_names, several(attribute), st.lists(children, max_size=1),
    )  # fmt: skip


@cache
def queries(depth: int = 1) -> Drawn:
    """Queries and sets of queries with at most `depth` levels below."""
    return st.deferred(lambda: _queries(depth))  # deferred: a short repr


def _queries(depth: int) -> Drawn:
    one = selects(depth)
    if depth == 0:
        return one
    following = st.builds(n.SelectSetNode, st.sampled_from(_SETS), one | queries(depth - 1))
    return one | st.builds(n.SelectSetQuery, one, several(following, 1))


def _ctes(depth: int) -> Drawn:
    column = st.builds(n.CTE, plain_names, exprs(depth), st.just("column"))
    if depth == 0:
        return column
    table = st.builds(
        n.CTE, plain_names, queries(depth - 1), st.just("subquery"), columns=st.none() | several(names, 1),
        materialized=st.sampled_from([None, True]),
    )  # fmt: skip
    return column | table


def _tables(depth: int) -> Drawn:
    sample = st.builds(
        n.SampleExpr, st.builds(n.RatioExpr, st.builds(n.Constant, st.integers(1, 9)), st.none()), st.none()
    )
    table: Drawn = fields
    if depth > 0:
        table = fields | queries(depth - 1) | st.builds(n.Placeholder, exprs(depth - 1))
    one = st.builds(
        n.JoinExpr, table, st.none() | names, table_final=st.sampled_from([None, True]), sample=st.none() | sample
    )
    called = st.builds(
        n.JoinExpr, st.builds(n.Field, names.map(lambda name: [name])), plain_names, several(exprs(depth))
    )
    return one | called


@st.composite
def _joins(draw: st.DrawFn, depth: int) -> n.JoinExpr:
    chain = draw(st.lists(_tables(depth), min_size=1, max_size=3, unique_by=id))
    for before, joined in pairwise(chain):
        joined.join_type = draw(st.sampled_from(["CROSS JOIN", *_JOINS]))
        if joined.join_type != "CROSS JOIN":
            joined.constraint = n.JoinConstraint(draw(exprs(depth)), draw(st.sampled_from(["ON", "USING"])))
        before.next_join = joined
    first: n.JoinExpr = chain[0]
    return first


@st.composite
def selects(draw: st.DrawFn, depth: int) -> n.SelectQuery:
    """One SELECT, with each of its clauses or without."""
    below = exprs(depth)
    made = n.SelectQuery(draw(several(columns(depth), 1)), distinct=draw(st.sampled_from([None, None, True])))
    ctes = draw(st.lists(_ctes(depth), max_size=2, unique_by=lambda cte: cte.name))
    made.ctes = {cte.name: cte for cte in ctes} or None
    if draw(st.booleans()):
        made.select_from = draw(_joins(depth))
    for clause in draw(
        st.sets(st.sampled_from(["prewhere", "where", "having", "qualify", "limit", "offset"]), max_size=4)
    ):
        setattr(made, clause, draw(below))
    _group(draw, made, below)
    if draw(st.booleans()):
        made.order_by = draw(several(orders(below), 1))
    if draw(st.integers(0, 4)) == 0:
        made.window_exprs = {draw(plain_names): draw(windows(below))}
    if draw(st.integers(0, 4)) == 0:
        made.limit_by = n.LimitByExpr(draw(below), draw(several(below, 1)), draw(st.none() | below))
    if made.limit is not None:
        made.limit_with_ties = draw(st.sampled_from([None, True]))
    return made


def _group(draw: st.DrawFn, made: n.SelectQuery, below: Drawn) -> None:
    mode = draw(st.sampled_from([None, None, "by", "all", "cube", "rollup", "grouping_sets"]))
    if mode is None:
        return
    made.group_by_mode = None if mode == "by" else mode
    if mode == "grouping_sets":
        made.group_by = draw(several(st.builds(n.GroupingSet, several(below)), 1))
    elif mode != "all":
        made.group_by = draw(several(below, 1))


@cache
def statements(depth: int = MAX_DEPTH) -> Drawn:
    """Statements of programs with at most `depth` levels below."""
    return st.deferred(lambda: _statements(depth))  # deferred: a short repr


def _statements(depth: int) -> Drawn:
    value = exprs(min(depth, 1))
    simple = st.one_of(
        st.builds(n.VariableDeclaration, plain_names, st.none() | value),
        st.builds(n.VariableAssignment, fields, value),
        st.builds(n.ExprStatement, value.filter(lambda e: not isinstance(e, n.NamedArgument))),
        st.builds(n.ReturnStatement, st.none() | value),
        st.builds(n.ThrowStatement, value),
    )
    if depth == 0:
        return simple
    body = st.builds(n.Block, several(statements(depth - 1)))
    catches = several(st.tuples(st.none() | plain_names, st.none() | plain_names, body).map(_caught), 1)
    return st.one_of(
        simple,
        body,
        st.builds(n.IfStatement, value, body, st.none() | body),
        st.builds(n.WhileStatement, value, body),
        st.builds(n.ForInStatement, st.none() | plain_names, plain_names, value, body),
        st.builds(n.TryCatchStatement, body, catches, st.none() | body),
        st.builds(n.Function, plain_names, several(plain_names), body),
    )


def _caught(drawn: tuple[str | None, str | None, n.Block]) -> tuple[str | None, str | None, n.Block]:
    name, kind, body = drawn
    return name, kind if name is not None else None, body


def programs() -> Drawn:
    return st.builds(n.Program, several(statements()))
