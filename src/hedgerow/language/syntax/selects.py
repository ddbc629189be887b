"""SELECT statements: sets of them, their clauses, common table expressions, windows."""

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.joins import Joins
from hedgerow.language.syntax.tokens import END, NEVER_AN_ALIAS, NUMBER, OPERATOR, QUOTED, STRING, TAG, WORD

_ABOVE_ALIAS = 11
_SET_WORDS = frozenset({"union", "intersect", "except"})
_CLAUSE_STARTS = frozenset(
    (
        "from array left inner prewhere where group having qualify window order limit offset settings union intersect "
        "except with"
    ).split()
)
_NO_IMPLICIT_ALIAS = NEVER_AN_ALIAS | _CLAUSE_STARTS


class Selects(Joins):
    """`select_set()` takes a whole query."""

    def select_set(self) -> nodes.AnySelect | nodes.Placeholder | nodes.HogQLXTag:
        """A query, or several with UNION, INTERSECT or EXCEPT between them."""
        self.enter()
        start = self.start()
        ctes = self._ctes()
        made = self.select_set_after(self._select_or_brackets(ctes))
        made.span = (start, self.ends[self.at - 1])
        self.leave()
        return made

    def select_set_after(self, first: nodes.AnySelect) -> nodes.AnySelect:
        following: list[nodes.SelectSetNode] = []
        while word := self.take_any(_SET_WORDS):
            operator = self._set_operator(word)
            following.append(nodes.SelectSetNode(operator, self._select_or_brackets(self._ctes())))
        made = nodes.SelectSetQuery(first, following) if following else first
        if isinstance(made, nodes.SelectSetQuery) and self.words[self.at - 1] == ")":
            self._order_limit(made)
        return made

    def _order_limit(self, made: nodes.SelectSetQuery) -> None:
        if self.take_all("order", "by"):
            made.order_by = self.order_list()
        if self.take("limit"):
            made.limit = self.expression()
        if self.take("offset"):
            made.offset = self.expression()

    def _set_operator(self, word: str) -> str:
        operator = word.upper()
        if word == "union":
            operator += " ALL" if self.take("all") else " DISTINCT"
            if operator == "UNION DISTINCT":
                self.take("distinct")
        elif suffix := self.take_any({"all", "distinct"}):
            operator += f" {suffix.upper()}"
        if self.take_all("by", "name"):
            operator += " BY NAME"
        return operator

    def _select_or_brackets(self, ctes: dict[str, nodes.CTE] | None) -> nodes.AnySelect:
        start = self.start()
        if self.take("("):
            made = self.select_set()
            self.expect(")")
            if isinstance(made, nodes.SelectSetQuery) and self.words[self.at] not in _SET_WORDS:
                self._order_limit(made)
            self._give(made, ctes)
            return made  # type: ignore[return-value]
        if self.word() == "{":
            return self.operand()  # type: ignore[return-value]
        if self.kinds[self.at] == TAG:
            return self.tag()  # type: ignore[return-value]
        select = self._select()
        self._give(select, ctes)
        select.span = (start, self.ends[self.at - 1])
        return select

    def _give(self, made: nodes.Expr, ctes: dict[str, nodes.CTE] | None) -> None:
        """Common table expressions belong to the first SELECT behind them."""
        if not ctes:
            return
        while isinstance(made, nodes.SelectSetQuery):
            made = made.initial_select_query
        if isinstance(made, nodes.SelectQuery):
            made.ctes = {**ctes, **(made.ctes or {})}

    def _ctes(self) -> dict[str, nodes.CTE] | None:
        if not self.take("with"):
            return None
        recursive = self.word() == "recursive" and self.kind(1) in {WORD, QUOTED} and self.take("recursive")
        found: dict[str, nodes.CTE] = {}
        while True:
            made = self._cte(recursive)
            found[made.name] = made
            if not self.take(",") or self.word() == "select" or (self.word() == "(" and not self._as_behind_brackets()):
                return found

    def _as_behind_brackets(self) -> bool:
        """Whether the round brackets that open here belong to `(…) AS name` or its like, not to a query."""
        if self.word(1) != "(" and self.word(1) not in {"select", "with"}:
            return True
        place = self.after(self.at)
        return self.words[place] not in _SET_WORDS and self.words[place] != ")" and self.kinds[place] != END

    def _cte(self, recursive: bool) -> nodes.CTE:
        start = self.start()
        made = self._table_cte()
        if made is None:
            expr = self.expression(_ABOVE_ALIAS)
            self.expect("as")
            made = nodes.CTE(self.name(), expr, "column")
        made.recursive = recursive
        made.span = (start, self.ends[self.at - 1])
        return made

    def _table_cte(self) -> nodes.CTE | None:
        """`name [(columns)] [USING KEY (…)] AS [NOT] [MATERIALIZED] (query)`."""
        began = self.at
        if self.kinds[self.at] not in {WORD, QUOTED}:
            return None
        name = self.name()
        columns = self.names() if self._names_in_brackets_before_as() else None
        key = self.names() if self.take_all("using", "key") else None
        materialized: bool | None = None
        if self.take("as"):
            if self.take_all("not", "materialized"):
                materialized = False
            elif self.word() == "materialized" and self.word(1) == "(":
                self.at += 1
                materialized = True
            if self.take("("):
                query = self.select_set()
                self.expect(")")
                return nodes.CTE(name, query, "subquery", columns=columns, using_key=key, materialized=materialized)
        self.at = began
        return None

    def _names_in_brackets_before_as(self) -> bool:
        if self.word() != "(":
            return False
        ahead = 1
        while self.kind(ahead) in {WORD, QUOTED} and self.word(ahead + 1) == ",":
            ahead += 2
        return (
            self.kind(ahead) in {WORD, QUOTED}
            and self.word(ahead + 1) == ")"
            and self.word(ahead + 2) in {"as", "using"}
        )

    def _select(self) -> nodes.SelectQuery:
        self.expect("select")
        distinct = self.word() == "distinct" and self.word(1) not in {",", ".", "from"} and self.kind(1) != END
        if distinct:
            self.at += 1
        if self.word() == "top" and self.kind(1) == NUMBER and self.word(2) not in {",", ".", ")", "+", "-", "*", "/"}:
            raise self.fault("TOP is not supported, use LIMIT")
        made = nodes.SelectQuery(self._select_list(), distinct=distinct or None)
        if self.take("from"):
            made.select_from = self.joins()
        self._array_join(made)
        made.prewhere = self.expression() if self.take("prewhere") else None
        made.where = self.expression() if self.take("where") else None
        self._group_by(made)
        made.having = self.expression() if self.take("having") else None
        if self.word() == "window" and self.kind(1) in {WORD, QUOTED} and self.take("window"):
            made.window_exprs = self._windows()
        made.qualify = self.expression() if self.take("qualify") else None
        if made.window_exprs is None and self.take("window"):
            made.window_exprs = self._windows()
        if self.take_all("order", "by"):
            made.order_by = self.order_list()
            if self.word() == "interpolate" and self.take("interpolate"):
                made.interpolate = self._interpolate()
        self._limit(made)
        if self.word() == "settings":
            raise self.fault("SETTINGS are not supported")
        return made

    def _select_list(self) -> list[nodes.Expr]:
        found: list[nodes.Expr] = []
        while True:
            found.append(self._column())
            if not self.take(","):
                return found
            if self.kinds[self.at] == END or self.word() in {")", "}"}:
                return found
            if self.kinds[self.at] == WORD and self.word() in _CLAUSE_STARTS and self._clause_follows():
                return found

    def _clause_follows(self) -> bool:
        """Whether a word that may open a clause does so here, rather than being a column's name."""
        word, following = self.word(), self.word(1)
        if word in {"left", "inner", "array"} and following == "(":
            return False
        if word in {"group", "order"}:
            return following == "by"
        return self.kind(1) != OPERATOR or following in {"(", "{", "-", "*", "["}

    def _column(self) -> nodes.Expr:
        start = self.start()
        expr = self.expression()
        kind, word = self.kinds[self.at], self.words[self.at]
        if type(expr) is nodes.Field and expr.chain[-1] == "*":
            return expr
        if kind == QUOTED or (kind == WORD and word not in _NO_IMPLICIT_ALIAS and type(expr) is not nodes.Alias):
            if type(expr) is nodes.Field and len(expr.chain) == 1 and str(expr.chain[0]).lower() in {"from", "select"}:
                raise self.fault(f'Cannot use "{expr.chain[0]}" before an implicit alias')
            return nodes.Alias(self.name(), expr, span=(start, self.ends[self.at - 1]))
        return expr

    def _list(self) -> list[nodes.Expr]:
        """Expressions parted by commas, a last comma allowed before a clause."""
        found = [self.expression()]
        while self.take(","):
            if self.kinds[self.at] == END or self.word() in {")", "}"} or self.word() in _CLAUSE_STARTS:
                break
            found.append(self.expression())
        return found

    def _array_join(self, made: nodes.SelectQuery) -> None:
        side = self.word() if self.word() in {"left", "inner"} and self.word(1) == "array" else ""
        if not side and not (self.word() == "array" and self.word(1) == "join"):
            return
        self.at += 2 + bool(side)
        made.array_join_op = f"{side} ARRAY JOIN".strip().upper()
        made.array_join_list = self._list()
        if not all(type(expr) is nodes.Alias for expr in made.array_join_list):
            raise self.fault("ARRAY JOIN arrays must have an alias")

    def _group_by(self, made: nodes.SelectQuery) -> None:
        if not self.take_all("group", "by"):
            return
        if self.word() == "all" and (self.kind(1) != OPERATOR or self.word(1) in {")", "}", ";"}):
            self.at += 1
            made.group_by_mode = "all"
        elif self.word() in {"cube", "rollup"} and self.word(1) == "(":
            made.group_by_mode = self.word()
            self.at += 2
            made.group_by = self.arguments(")")
        elif self.take_all("grouping", "sets"):
            made.group_by_mode = "grouping_sets"
            made.group_by = self._grouping_sets()
        else:
            made.group_by = self._list()
            if self.word() == "with" and self.word(1) in {"cube", "rollup"}:
                made.group_by_mode = f"with {self.word(1)}"
                self.at += 2
        if self.take_all("with", "totals"):
            raise self.fault("WITH TOTALS is not supported")

    def _grouping_sets(self) -> list[nodes.Expr]:
        self.expect("(")
        found: list[nodes.Expr] = []
        while not self.take(")"):
            if self.take("("):
                found.append(nodes.GroupingSet(self.arguments(")")))
            else:
                found.append(nodes.GroupingSet([self.expression()]))
            if not self.take(","):
                self.expect(")")
                break
        return found

    def _windows(self) -> dict[str, nodes.WindowExpr]:
        found: dict[str, nodes.WindowExpr] = {}
        while True:
            name = self.name("a window's name")
            self.expect("as")
            self.expect("(")
            found[name] = self.window()
            self.expect(")")
            if not self.take(","):
                return found

    def _limit(self, made: nodes.SelectQuery) -> None:
        """LIMIT, OFFSET, LIMIT BY, WITH TIES and percent, in the orders the grammar has."""
        if self.take("offset"):
            made.offset = self.expression()
            if self.take("limit"):
                made.limit = self.expression()
            return
        while self.take("limit"):
            count = self.expression()
            second = self.expression() if self.take(",") else None
            if self.take("%"):
                made.limit_percent = True
            if self.take_all("with", "ties"):
                made.limit_with_ties = True
            offset = self.expression() if second is None and self.take("offset") else None
            if self.take("by") and made.limit_by is None:
                n, skip = (second, count) if second is not None else (count, offset)
                made.limit_by = nodes.LimitByExpr(n, self._list(), skip)
                continue
            made.limit, made.offset = count, second if second is not None else offset
            return
        if made.limit_by is not None and self.take("offset"):
            made.offset = self.expression()

    # --- orders and windows

    def order_list(self) -> list[nodes.OrderExpr]:
        found = [self.order_expr()]
        while self.take(","):
            found.append(self.order_expr())
        return found

    def order_expr(self) -> nodes.OrderExpr:
        start = self.start()
        made = nodes.OrderExpr(self.expression())
        if self.take_any({"desc", "descending"}):
            made.order = "DESC"
        else:
            self.take_any({"asc", "ascending"})
        if self.take("nulls"):
            made.nulls = "FIRST" if self.take("first") else "LAST"
            if made.nulls == "LAST":
                self.expect("last")
        if self.take("collate"):
            if self.kinds[self.at] != STRING:
                self.fail("a string")
            self.at += 1
        if self.take_all("with", "fill"):
            made.with_fill = self._with_fill()
        made.span = (start, self.ends[self.at - 1])
        return made

    def _with_fill(self) -> nodes.WithFillExpr:
        made = nodes.WithFillExpr()
        made.from_value = self.expression() if self.take("from") else None
        made.to_value = self.expression() if self.take("to") else None
        made.step_value = self.expression() if self.take("step") else None
        return made

    def _interpolate(self) -> list[nodes.InterpolateExpr]:
        self.expect("(")
        found: list[nodes.InterpolateExpr] = []
        while not self.take(")"):
            expr = self.expression(_ABOVE_ALIAS)
            found.append(nodes.InterpolateExpr(expr, self.expression() if self.take("as") else None))
            if not self.take(","):
                self.expect(")")
                break
        return found

    def window(self) -> nodes.WindowExpr:
        made = nodes.WindowExpr()
        if self.take_all("partition", "by"):
            made.partition_by = self._list()
        if self.take_all("order", "by"):
            made.order_by = self.order_list()
        if method := self.take_any({"rows", "range"}):
            made.frame_method = "ROWS" if method == "rows" else "RANGE"
            if self.take("between"):
                made.frame_start = self._frame_bound()
                self.expect("and")
                made.frame_end = self._frame_bound()
            else:
                made.frame_start = self._frame_bound()
        return made

    def _frame_bound(self) -> nodes.WindowFrameExpr:
        if self.take_all("current", "row"):
            return nodes.WindowFrameExpr("CURRENT ROW")
        value: int | None = None
        if not self.take("unbounded"):
            if self.kinds[self.at] != NUMBER or not self.values[self.at].isdigit():
                self.fail("CURRENT ROW, UNBOUNDED or a number")
            value = int(self.values[self.at][:18])
            self.at += 1
        side = self.take_any({"preceding", "following"})
        if not side:
            self.fail("PRECEDING or FOLLOWING")
        return nodes.WindowFrameExpr("PRECEDING" if side == "preceding" else "FOLLOWING", value)
