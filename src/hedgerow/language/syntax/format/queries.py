"""Queries to text: sets, clauses, common table expressions, joins."""

from hedgerow.language.syntax import expressions, nodes
from hedgerow.language.syntax.format.expressions import ExpressionWriting
from hedgerow.language.syntax.format.writing import name_text

_SELECTS = (nodes.SelectQuery, nodes.SelectSetQuery)
_LOWEST_VALUE = expressions.ALIAS + 1


class QueryWriting(ExpressionWriting):
    """Writes queries; `query` the outermost, without brackets round it."""

    def query(self, node: nodes.Node) -> None:
        """A query as it stands on its own, or right inside brackets that are there already."""
        if isinstance(node, nodes.SelectQuery):
            self._select(node)
        elif isinstance(node, nodes.SelectSetQuery):
            self._set(node)
        else:
            self.visit(node)

    def visit_select_query(self, node: nodes.SelectQuery) -> None:
        self._in_brackets(node)

    def visit_select_set_query(self, node: nodes.SelectSetQuery) -> None:
        self._in_brackets(node)

    def _in_brackets(self, node: nodes.AnySelect) -> None:
        self.put("(")
        self.query(node)
        self.put(")")

    def _set(self, node: nodes.SelectSetQuery) -> None:
        ordered = bool(node.order_by) or node.limit is not None or node.offset is not None
        self.put("(" if ordered else "")
        self._member(node.initial_select_query, first=True)
        for following in node.subsequent_select_queries:
            self.put(f" {following.set_operator} ")
            self._member(following.select_query)
        if ordered:
            self.put(")")
            self.clause_list("ORDER BY", node.order_by)
            self.clause("LIMIT", node.limit)
            self.clause("OFFSET", node.offset)

    def _member(self, node: nodes.Node, first: bool = False) -> None:
        """One of a set: with brackets where its last clauses or its WITH could be taken for the set's."""
        plain = (
            isinstance(node, nodes.SelectQuery)
            and (first or not node.ctes)
            and not (node.order_by or node.limit_by or node.window_exprs)
            and node.limit is None
            and node.offset is None
        )
        if plain or not isinstance(node, _SELECTS):
            self.query(node)
        else:
            self.visit(node)

    def _select(self, node: nodes.SelectQuery) -> None:
        self._ctes(node.ctes)
        self.put("SELECT DISTINCT " if node.distinct else "SELECT ")
        self.each(node.select)
        if node.select_from is not None:
            self.put(" FROM ")
            self.visit(node.select_from)
        if node.array_join_op:
            self.clause_list(node.array_join_op, node.array_join_list)
        self.clause("PREWHERE", node.prewhere)
        self.clause("WHERE", node.where)
        self._group_by(node)
        self.clause("HAVING", node.having)
        self.clause("QUALIFY", node.qualify)
        self._windows(node.window_exprs)
        self.clause_list("ORDER BY", node.order_by)
        if node.interpolate is not None:
            self.put(" INTERPOLATE ")
            self.brackets(node.interpolate)
        self._limits(node)

    def _ctes(self, ctes: dict[str, nodes.CTE] | None) -> None:
        if not ctes:
            return
        self.put("WITH RECURSIVE " if any(cte.recursive for cte in ctes.values()) else "WITH ")
        self.each(ctes.values())
        self.put(" ")

    def visit_cte(self, node: nodes.CTE) -> None:
        if node.cte_type == "column":
            self.expr(node.expr, _LOWEST_VALUE)
            self.put(f" AS {name_text(node.name)}")
            return
        self.put(name_text(node.name))
        if node.columns:
            self.names(node.columns)
        if node.using_key:
            self.put(" USING KEY ")
            self.names(node.using_key)
        kept = {None: "", True: "MATERIALIZED ", False: "NOT MATERIALIZED "}[node.materialized]
        self.put(f" AS {kept}(")
        self.query(node.expr)
        self.put(")")

    def _group_by(self, node: nodes.SelectQuery) -> None:
        mode, exprs = node.group_by_mode, node.group_by or []
        if mode == "all":
            self.put(" GROUP BY ALL")
        elif mode in {"cube", "rollup"}:
            self.put(f" GROUP BY {mode.upper()}")
            self.brackets(exprs)
        elif mode == "grouping_sets":
            self.put(" GROUP BY GROUPING SETS ")
            self.brackets(exprs)
        else:
            self.clause_list("GROUP BY", exprs)
            self.put(f" {mode.upper()}" if mode else "")

    def visit_grouping_set(self, node: nodes.GroupingSet) -> None:
        self.brackets(node.exprs)

    def _windows(self, windows: dict[str, nodes.WindowExpr] | None) -> None:
        for place, (name, window) in enumerate((windows or {}).items()):
            self.put(f"{', ' if place else ' WINDOW '}{name_text(name)} AS (")
            self.visit(window)
            self.put(")")

    def visit_interpolate_expr(self, node: nodes.InterpolateExpr) -> None:
        self.expr(node.expr, _LOWEST_VALUE)
        self.clause("AS", node.value)

    def _limits(self, node: nodes.SelectQuery) -> None:
        if node.limit_by is not None:
            self.clause("LIMIT", node.limit_by.n)
            self.clause("OFFSET", node.limit_by.offset_value)
            self.clause_list("BY", node.limit_by.exprs)
        self.clause("LIMIT", node.limit)
        self.put(" %" if node.limit_percent else "")
        self.put(" WITH TIES" if node.limit_with_ties else "")
        self.clause("OFFSET", node.offset)

    # --- tables

    def visit_join_expr(self, node: nodes.JoinExpr) -> None:
        """A table and, one after the other, those joined to it."""
        joined: nodes.JoinExpr | None = node
        while joined is not None:
            if joined is not node:
                self.put(f" {joined.join_type or 'CROSS JOIN'} ")
            self._table(joined)
            if joined.constraint is not None:
                self.clause(joined.constraint.constraint_type, joined.constraint.expr)
            joined = joined.next_join

    def _table(self, node: nodes.JoinExpr) -> None:
        if node.table is not None:
            self.visit(node.table)
        if node.table_args is not None:
            self.brackets(node.table_args)
        if node.alias is not None:
            self.put(f" AS {name_text(node.alias)}")
            if node.column_aliases:
                self.put(" ")
                self.names(node.column_aliases)
        self.put(" FINAL" if node.table_final else "")
        if node.sample is not None:
            self.visit(node.sample)

    def visit_sample_expr(self, node: nodes.SampleExpr) -> None:
        self.clause("SAMPLE", node.sample_value)
        self.clause("OFFSET", node.offset_value)

    def visit_ratio_expr(self, node: nodes.RatioExpr) -> None:
        self.expr(node.left)
        if node.right is not None:
            self.put("/")
            self.expr(node.right)

    def visit_values_query(self, node: nodes.ValuesQuery) -> None:
        self.put("(VALUES ")
        for place, row in enumerate(node.rows):
            self.put(", " if place else "")
            self.brackets(row)
        self.put(")")

    def visit_pivot_expr(self, node: nodes.PivotExpr) -> None:
        self.visit(node.table)
        self.put(" PIVOT (")
        self.each(node.aggregates)
        self.put(" FOR")
        for column in node.columns:
            self.put(" ")
            self.expr(column.column, expressions.COMPARE + 1)
            self.put(" IN ")
            self.brackets(column.values)
        self.clause_list("GROUP BY", node.group_by)
        self.put(")")

    def visit_unpivot_expr(self, node: nodes.UnpivotExpr) -> None:
        self.visit(node.table)
        self.put(" UNPIVOT (")
        for column in node.columns:
            self.expr(column.value_columns, expressions.COMPARE + 1)
            self.put(" FOR ")
            self.expr(column.name_columns, expressions.COMPARE + 1)
            self.put(" IN ")
            self.brackets(column.unpivot_values)
        self.put(")")
