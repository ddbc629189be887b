"""Expressions to text: operators with as few brackets as keep the tree, calls, windows, tags."""

from hedgerow.language.syntax import expressions, nodes
from hedgerow.language.syntax.format.writing import Writing, call_text, name_text, string_text, value_text
from hedgerow.language.syntax.lexer import BEFORE_VALUE

_OPEN_END = 5
_HIGHEST = 200
_LOWEST_VALUE = expressions.ALIAS + 1
_OPERATORS = {"==": "=", "in cohort": "IN COHORT", "not in cohort": "NOT IN COHORT"}
_POWERS: dict[type[nodes.Node], int] = {
    nodes.Lambda: _OPEN_END,
    nodes.NamedArgument: _OPEN_END,
    nodes.Alias: expressions.ALIAS,
    nodes.Or: expressions.OR,
    nodes.And: expressions.AND,
    nodes.Not: expressions.NOT,
    nodes.BetweenExpr: expressions.BETWEEN,
    nodes.IsDistinctFrom: expressions.DISTINCT,
}


class ExpressionWriting(Writing):
    """Writes expressions."""

    def power(self, node: nodes.Node) -> int:
        if isinstance(node, nodes.CompareOperation):
            return expressions.IS if node.is_null_comparison_style else expressions.COMPARE
        if isinstance(node, nodes.ArithmeticOperation):
            return expressions.MULTIPLY if node.op in "*/%" else expressions.ADD
        if isinstance(node, nodes.Constant):
            # `1.2` and `true.a` would be read as one; signs bind looser than what follows.
            return _HIGHEST if isinstance(node.value, str) else expressions.NEGATE
        if isinstance(node, nodes.And | nodes.Or) and len(node.exprs) < 2:
            return self.power(node.exprs[0]) if node.exprs else _HIGHEST
        return _POWERS.get(type(node), _HIGHEST)

    # --- values

    def visit_constant(self, node: nodes.Constant) -> None:
        self.put(value_text(node.value))

    def visit_field(self, node: nodes.Field) -> None:
        self.put(".".join("*" if part == "*" else name_text(str(part)) for part in node.chain))

    def visit_array(self, node: nodes.Array) -> None:
        self.put("[")
        self.each(node.exprs)
        self.put("]")

    def visit_tuple(self, node: nodes.Tuple) -> None:
        if not node.exprs:
            self.put("tuple()")
            return
        self.put("(")
        self.each(node.exprs)
        self.put(",)" if len(node.exprs) == 1 else ")")

    def visit_dict(self, node: nodes.Dict) -> None:
        self.put("{")
        for place, (key, value) in enumerate(node.items):
            self.put(", " if place else "")
            self.expr(key, _LOWEST_VALUE)
            self.put(": ")
            self.expr(value)
        self.put("}")

    def visit_placeholder(self, node: nodes.Placeholder) -> None:
        self.put("{")
        self.expr(node.expr)
        self.put("}")

    def visit_columns_expr(self, node: nodes.ColumnsExpr) -> None:
        if node.all_columns:
            self.put("* EXCLUDE ")
            self.names(node.exclude or [])
        elif node.regex is not None:
            self.put(f"COLUMNS({string_text(node.regex)})")
        else:
            columns = node.columns or []
            lone_string = len(columns) == 1 and isinstance(columns[0], nodes.Constant)
            self.put("COLUMNS((" if lone_string else "COLUMNS(")
            self.each(columns)
            self.put("))" if lone_string else ")")

    # --- access, calls, casts

    def visit_tuple_access(self, node: nodes.TupleAccess) -> None:
        self.expr(node.tuple, expressions.POSTFIX)
        self.put(f"{'?' if node.nullish else ''}.{node.index}")

    def visit_array_access(self, node: nodes.ArrayAccess) -> None:
        self.expr(node.array, expressions.POSTFIX)
        self.put("?.[" if node.nullish else "[")
        self.expr(node.property)
        self.put("]")

    def visit_expr_call(self, node: nodes.ExprCall) -> None:
        self.put("(")
        self.expr(node.expr)
        self.put(")")
        self.brackets(node.args)

    def visit_call(self, node: nodes.Call) -> None:
        aliased = bool(node.args) and isinstance(node.args[0], nodes.Alias)
        self.put(call_text(node.name, aliased))
        if node.params is not None:
            self.brackets(node.params)
        if node.params is None or node.args or node.within_group is None:
            self.put("(DISTINCT " if node.distinct else "(")
            self.each(node.args)
            self.clause_list("ORDER BY", node.order_by)
            self.put(")")
        if node.within_group:
            self.put(" WITHIN GROUP (ORDER BY ")
            self.each(node.within_group)
            self.put(")")
        if node.filter_expr is not None:
            self.put(" FILTER (WHERE ")
            self.expr(node.filter_expr)
            self.put(")")

    def visit_window_function(self, node: nodes.WindowFunction) -> None:
        self.put(call_text(node.name))
        self.brackets(node.exprs or [])
        if node.args:
            self.brackets(node.args)
        self.put(" OVER ")
        if node.over_expr is None:
            self.put(name_text(node.over_identifier or ""))
            return
        self.put("(")
        self.visit(node.over_expr)
        self.put(")")

    def visit_type_cast(self, node: nodes.TypeCast) -> None:
        self._cast("CAST(", node)

    def visit_try_cast(self, node: nodes.TryCast) -> None:
        self._cast("TRY_CAST(", node)

    def _cast(self, opening: str, node: nodes.TypeCast | nodes.TryCast) -> None:
        self.put(opening)
        self.expr(node.expr, _LOWEST_VALUE)
        self.put(f" AS {node.type_name})")

    def visit_lambda(self, node: nodes.Lambda) -> None:
        # `f(a, b -> c)` has two arguments, `f(a, (b) -> c)` a value and a lambda.
        first = not self.pieces or self.pieces[-1] in {"(", "["}
        if len(node.args) == 1 and first:
            self.put(name_text(node.args[0]))
        else:
            self.names(node.args)
        self.put(" -> ")
        self.expr(node.expr)

    def visit_alias(self, node: nodes.Alias) -> None:
        self.expr(node.expr, _LOWEST_VALUE)
        self.put(f" AS {name_text(node.alias)}")

    def visit_named_argument(self, node: nodes.NamedArgument) -> None:
        self.put(f"{name_text(node.name)} := ")
        self.expr(node.value, _LOWEST_VALUE)

    # --- operators

    def visit_and(self, node: nodes.And) -> None:
        self._chain(node.exprs, " AND ", expressions.AND + 1, "true")

    def visit_or(self, node: nodes.Or) -> None:
        self._chain(node.exprs, " OR ", expressions.OR + 1, "false")

    def _chain(self, exprs: list[nodes.Expr], joiner: str, least: int, empty: str) -> None:
        if len(exprs) < 2:
            self.visit(exprs[0]) if exprs else self.put(empty)
            return
        for place, one in enumerate(exprs):
            self.put(joiner if place else "")
            self.expr(one, least)

    def visit_not(self, node: nodes.Not) -> None:
        self.put("NOT ")
        self.expr(node.expr, expressions.NOT)

    def visit_compare_operation(self, node: nodes.CompareOperation) -> None:
        if node.is_null_comparison_style:
            self.expr(node.left, expressions.IS)
            self.put(" IS NULL" if node.op == "==" else " IS NOT NULL")
            return
        self._infix(node.left, _OPERATORS.get(node.op, node.op.upper()), node.right, expressions.COMPARE)

    def visit_is_distinct_from(self, node: nodes.IsDistinctFrom) -> None:
        operator = "IS NOT DISTINCT FROM" if node.negated else "IS DISTINCT FROM"
        self._infix(node.left, operator, node.right, expressions.DISTINCT)

    def visit_arithmetic_operation(self, node: nodes.ArithmeticOperation) -> None:
        self._infix(node.left, node.op, node.right, self.power(node))

    def _infix(self, left: nodes.Expr, operator: str, right: nodes.Expr, power: int) -> None:
        self.expr(left, power)
        self.put(f" {operator} ")
        self.expr(right, power + 1)

    def visit_between_expr(self, node: nodes.BetweenExpr) -> None:
        self.expr(node.expr, expressions.BETWEEN)
        self.put(" NOT BETWEEN " if node.negated else " BETWEEN ")
        self.expr(node.low, expressions.BETWEEN + 1)
        self.put(" AND ")
        self.expr(node.high, expressions.BETWEEN + 1)

    # --- orders and windows

    def visit_order_expr(self, node: nodes.OrderExpr) -> None:
        self.expr(node.expr)
        if node.order == "DESC":
            self.put(" DESC")
        if node.nulls:
            self.put(f" NULLS {node.nulls}")
        if node.with_fill is not None:
            self.put(" WITH FILL")
            self.clause("FROM", node.with_fill.from_value)
            self.clause("TO", node.with_fill.to_value)
            self.clause("STEP", node.with_fill.step_value)

    def visit_window_expr(self, node: nodes.WindowExpr) -> None:
        place = len(self.pieces)
        self._window_clauses(node)
        if len(self.pieces) > place:
            self.pieces[place] = self.pieces[place].lstrip()

    def _window_clauses(self, node: nodes.WindowExpr) -> None:
        self.clause_list("PARTITION BY", node.partition_by)
        self.clause_list("ORDER BY", node.order_by)
        if node.frame_method is None or node.frame_start is None:
            return
        self.put(f" {node.frame_method} {'BETWEEN ' if node.frame_end else ''}")
        self.visit(node.frame_start)
        if node.frame_end is not None:
            self.put(" AND ")
            self.visit(node.frame_end)

    def visit_window_frame_expr(self, node: nodes.WindowFrameExpr) -> None:
        if node.frame_type == "CURRENT ROW":
            self.put("CURRENT ROW")
        else:
            self.put(f"{'UNBOUNDED' if node.frame_value is None else node.frame_value} {node.frame_type}")

    # --- tags

    def visit_hog_qlxtag(self, node: nodes.HogQLXTag) -> None:
        before = self.pieces[-1].split()[-1:] if self.pieces else []
        if before and before[0].isalpha() and before[0].lower() not in BEFORE_VALUE:
            # Behind a word that may end a value, `<` compares.
            self.put("(")
            self._tag(node)
            self.put(")")
        else:
            self._tag(node)

    def _tag(self, node: nodes.HogQLXTag) -> None:
        self.put("<" + node.kind)
        children: list[object] = []
        for attribute in node.attributes:
            if attribute.name == "children" and isinstance(attribute.value, list):
                children = attribute.value
            else:
                self._attribute(attribute)
        if not children:
            self.put(" />")
            return
        self.put(">")
        for child in children:
            if isinstance(child, nodes.HogQLXTag):
                self.visit(child)
            elif isinstance(child, nodes.Node):
                self.put("{")
                self.expr(child)
                self.put("}")
        self.put(f"</{node.kind}>")

    def _attribute(self, attribute: nodes.HogQLXAttribute) -> None:
        self.put(f" {attribute.name}=")
        value = attribute.value
        if isinstance(value, nodes.Constant) and isinstance(value.value, str):
            self.put(string_text(value.value))
        elif isinstance(value, nodes.Node):
            self.put("{")
            self.expr(value)
            self.put("}")
