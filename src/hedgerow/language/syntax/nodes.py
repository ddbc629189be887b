"""The syntax tree of both languages: plain dataclasses, equal by content, positions aside.

Names and fields are those of the public parser package's JSON, so that trees compare field by field. `span` is the
half-open range of source offsets (characters) a node was read from, `None` for a node a pass has made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Span = tuple[int, int]


@dataclass(slots=True, kw_only=True)
class Node:
    """Anything in the tree."""

    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True, kw_only=True)
class Expr(Node):
    """Anything with a value."""


# --- expressions ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Constant(Expr):
    value: str | int | float | bool | list[object] | tuple[object, ...] | None


@dataclass(slots=True)
class Field(Expr):
    """`a.b.c`; `*` is a last part of its own."""

    chain: list[str | int]


@dataclass(slots=True)
class TupleAccess(Expr):
    tuple: Expr
    index: int
    nullish: bool = False


@dataclass(slots=True)
class ArrayAccess(Expr):
    array: Expr
    property: Expr
    nullish: bool = False


@dataclass(slots=True)
class Array(Expr):
    exprs: list[Expr]


@dataclass(slots=True)
class Tuple(Expr):
    exprs: list[Expr]


@dataclass(slots=True)
class Dict(Expr):
    items: list[tuple[Expr, Expr]]


@dataclass(slots=True)
class Placeholder(Expr):
    """`{expr}`: a value to come from outside the text."""

    expr: Expr


@dataclass(slots=True)
class Call(Expr):
    """`name(params)(args)`; without a second pair of brackets `params` is `None`."""

    name: str
    args: list[Expr]
    params: list[Expr] | None = None
    distinct: bool = False
    filter_expr: Expr | None = None
    order_by: list[OrderExpr] | None = None
    within_group: list[OrderExpr] | None = None


@dataclass(slots=True)
class ExprCall(Expr):
    """A call of something that is not a name."""

    expr: Expr
    args: list[Expr]


@dataclass(slots=True)
class Lambda(Expr):
    args: list[str]
    expr: Expr | Block


@dataclass(slots=True)
class And(Expr):
    exprs: list[Expr]


@dataclass(slots=True)
class Or(Expr):
    exprs: list[Expr]


@dataclass(slots=True)
class Not(Expr):
    expr: Expr


CompareOp = Literal[
    "==", "!=", "<", "<=", ">", ">=", "in", "not in", "in cohort", "not in cohort",
    "like", "ilike", "not like", "not ilike", "=~", "!~", "=~*", "!~*",
]  # fmt: skip


@dataclass(slots=True)
class CompareOperation(Expr):
    op: CompareOp
    left: Expr
    right: Expr
    is_null_comparison_style: bool = False
    """Written `x IS NULL`."""


@dataclass(slots=True)
class IsDistinctFrom(Expr):
    left: Expr
    right: Expr
    negated: bool = False


@dataclass(slots=True)
class ArithmeticOperation(Expr):
    op: Literal["+", "-", "*", "/", "%"]
    left: Expr
    right: Expr


@dataclass(slots=True)
class BetweenExpr(Expr):
    expr: Expr
    low: Expr
    high: Expr
    negated: bool = False


@dataclass(slots=True)
class TypeCast(Expr):
    expr: Expr
    type_name: str


@dataclass(slots=True)
class TryCast(Expr):
    expr: Expr
    type_name: str


@dataclass(slots=True)
class Alias(Expr):
    """`expr AS alias`. `hidden`: made by a pass to name a column, not written by the user."""

    alias: str
    expr: Expr
    hidden: bool = field(default=False, compare=False)


@dataclass(slots=True)
class NamedArgument(Expr):
    name: str
    value: Expr


@dataclass(slots=True)
class ColumnsExpr(Expr):
    """`COLUMNS('regex')`, `COLUMNS(a, b)` and `* EXCLUDE (a, b)`."""

    regex: str | None = None
    columns: list[Expr] | None = None
    all_columns: bool = False
    exclude: list[str] | None = None


@dataclass(slots=True)
class WindowFrameExpr(Expr):
    frame_type: Literal["CURRENT ROW", "PRECEDING", "FOLLOWING"] | None = None
    frame_value: int | None = None


@dataclass(slots=True)
class WindowExpr(Expr):
    partition_by: list[Expr] | None = None
    order_by: list[OrderExpr] | None = None
    frame_method: Literal["ROWS", "RANGE"] | None = None
    frame_start: WindowFrameExpr | None = None
    frame_end: WindowFrameExpr | None = None


@dataclass(slots=True)
class WindowFunction(Expr):
    """`name(args)(exprs) OVER …`: `exprs` are the only brackets' content when there is one pair."""

    name: str
    args: list[Expr] | None = None
    exprs: list[Expr] | None = None
    over_expr: WindowExpr | None = None
    over_identifier: str | None = None


@dataclass(slots=True)
class HogQLXAttribute(Node):
    name: str
    value: object


@dataclass(slots=True)
class HogQLXTag(Expr):
    kind: str
    attributes: list[HogQLXAttribute]


@dataclass(slots=True)
class WithFillExpr(Expr):
    from_value: Expr | None = None
    to_value: Expr | None = None
    step_value: Expr | None = None


@dataclass(slots=True)
class InterpolateExpr(Expr):
    expr: Expr
    value: Expr | None = None


@dataclass(slots=True)
class OrderExpr(Expr):
    expr: Expr
    order: Literal["ASC", "DESC"] = "ASC"
    with_fill: WithFillExpr | None = None
    nulls: Literal["FIRST", "LAST"] | None = None
    """Kept, though the published parser's tree drops it."""


@dataclass(slots=True)
class GroupingSet(Expr):
    exprs: list[Expr]


# --- queries ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class RatioExpr(Expr):
    left: Constant
    right: Constant | None = None


@dataclass(slots=True)
class SampleExpr(Expr):
    sample_value: RatioExpr
    offset_value: RatioExpr | None = None


@dataclass(slots=True)
class JoinConstraint(Expr):
    expr: Expr
    constraint_type: Literal["ON", "USING"]


@dataclass(slots=True)
class JoinExpr(Expr):
    """One table of a FROM clause and, by `next_join`, those after it."""

    table: Expr | None = None
    alias: str | None = None
    table_args: list[Expr] | None = None
    table_final: bool | None = None
    sample: SampleExpr | None = None
    join_type: str | None = None
    constraint: JoinConstraint | None = None
    next_join: JoinExpr | None = None
    column_aliases: list[str] | None = None


@dataclass(slots=True)
class CTE(Expr):
    name: str
    expr: Expr
    cte_type: Literal["column", "subquery"]
    recursive: bool = False
    materialized: bool | None = None
    columns: list[str] | None = None
    using_key: list[str] | None = None


@dataclass(slots=True)
class ValuesQuery(Expr):
    rows: list[list[Expr]]


@dataclass(slots=True)
class PivotColumn(Expr):
    column: Expr
    values: list[Expr]


@dataclass(slots=True)
class PivotExpr(Expr):
    table: Expr
    aggregates: list[Expr]
    columns: list[PivotColumn]
    group_by: list[Expr] | None = None


@dataclass(slots=True)
class UnpivotColumn(Expr):
    value_columns: Expr
    name_columns: Expr
    unpivot_values: list[Expr]


@dataclass(slots=True)
class UnpivotExpr(Expr):
    table: Expr
    columns: list[UnpivotColumn]
    include_nulls: bool = False


@dataclass(slots=True)
class LimitByExpr(Expr):
    n: Expr
    exprs: list[Expr]
    offset_value: Expr | None = None


@dataclass(slots=True)
class SelectQuery(Expr):
    """One SELECT. Clauses that are absent are `None`."""

    select: list[Expr]
    ctes: dict[str, CTE] | None = None
    distinct: bool | None = None
    select_from: JoinExpr | None = None
    array_join_op: str | None = None
    array_join_list: list[Expr] | None = None
    window_exprs: dict[str, WindowExpr] | None = None
    prewhere: Expr | None = None
    where: Expr | None = None
    group_by: list[Expr] | None = None
    group_by_mode: str | None = None
    having: Expr | None = None
    qualify: Expr | None = None
    order_by: list[OrderExpr] | None = None
    limit: Expr | None = None
    limit_by: LimitByExpr | None = None
    limit_with_ties: bool | None = None
    limit_percent: bool | None = None
    offset: Expr | None = None
    interpolate: list[InterpolateExpr] | None = None


@dataclass(slots=True)
class SelectSetNode(Node):
    set_operator: str
    select_query: SelectQuery | SelectSetQuery


@dataclass(slots=True)
class SelectSetQuery(Expr):
    """`initial UNION ALL next …`."""

    initial_select_query: SelectQuery | SelectSetQuery
    subsequent_select_queries: list[SelectSetNode]
    order_by: list[OrderExpr] | None = None
    limit: Expr | None = None
    offset: Expr | None = None


AnySelect = SelectQuery | SelectSetQuery


# --- statements -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Statement(Node):
    """Anything a program is made of."""


@dataclass(slots=True)
class Block(Statement):
    declarations: list[Node]


@dataclass(slots=True)
class Program(Node):
    declarations: list[Node]


@dataclass(slots=True)
class VariableDeclaration(Statement):
    name: str
    expr: Expr | None = None


@dataclass(slots=True)
class VariableAssignment(Statement):
    left: Expr
    right: Expr


@dataclass(slots=True)
class ExprStatement(Statement):
    expr: Expr | None = None


@dataclass(slots=True)
class ReturnStatement(Statement):
    expr: Expr | None = None


@dataclass(slots=True)
class ThrowStatement(Statement):
    expr: Expr


@dataclass(slots=True)
class TryCatchStatement(Statement):
    try_stmt: Statement
    catches: list[tuple[str | None, str | None, Statement]]
    finally_stmt: Statement | None = None


@dataclass(slots=True)
class IfStatement(Statement):
    expr: Expr
    then: Statement
    else_: Statement | None = None


@dataclass(slots=True)
class WhileStatement(Statement):
    expr: Expr
    body: Statement


@dataclass(slots=True)
class ForStatement(Statement):
    initializer: Node | None
    condition: Expr | None
    increment: Node | None
    body: Statement


@dataclass(slots=True)
class ForInStatement(Statement):
    keyVar: str | None  # noqa: N815  (the published name)
    valueVar: str  # noqa: N815
    expr: Expr
    body: Statement


@dataclass(slots=True)
class Function(Statement):
    name: str
    params: list[str]
    body: Statement
