"""FROM clauses: tables, joins, samples, pivots, VALUES."""

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.depth import MAX_NESTING
from hedgerow.language.syntax.expressions import Expressions
from hedgerow.language.syntax.tokens import NEVER_AN_ALIAS, NUMBER, QUOTED, TAG, WORD

_SIDES = frozenset({"left", "right", "full"})
_KINDS = frozenset({"any", "all", "asof", "semi", "anti"})
_NO_ALIAS = NEVER_AN_ALIAS | frozenset("all array final ignore left pivot return unpivot".split())


class Joins(Expressions):
    """`joins()` takes what stands behind FROM, as a chain of joins."""

    def joins(self) -> nodes.JoinExpr:
        first = last = self._table_or_brackets()
        while last.next_join is not None:
            last = last.next_join
        links = 0
        while (joined := self._join()) is not None:
            links += 1
            self.lengthen(links)
            last.next_join = joined
            while last.next_join is not None:
                last = last.next_join
        return first

    def _join(self) -> nodes.JoinExpr | None:
        if self.take(",") or self.take_all("cross", "join"):
            made = self._table_or_brackets()
            made.join_type = "CROSS JOIN"
            return made
        if self.take_all("positional", "join"):
            made = self._table_or_brackets()
            made.join_type = "POSITIONAL JOIN"
            return made
        join_type = self._join_type()
        if not join_type:
            return None
        made = self._table_or_brackets()
        made.join_type = join_type
        made.constraint = self._constraint(needed=join_type != "NATURAL")
        if join_type == "NATURAL":
            raise self.fault("NATURAL JOIN is not supported, name the columns with USING")
        return made

    def _join_type(self) -> str:
        """`LEFT ANY JOIN` and its like, sides before kinds; "" and nothing taken when no join follows."""
        began = self.at
        if self.take_all("natural", "join"):
            return "NATURAL"
        words = []
        while word := self.take_any(_SIDES | _KINDS | {"inner", "outer"}):
            words.append(word)
        if not self.take("join"):
            self.at = began
            return ""
        if len(words) != len(set(words)) or len([w for w in words if w in _SIDES | {"inner"}]) > 1:
            raise self.fault("This is not a kind of join")
        sides = [w for w in words if w in _SIDES]
        kinds = [w for w in words if w in _KINDS]
        ordered = [*sides, *(["outer"] if "outer" in words else []), *kinds]
        if "inner" in words or (kinds and not sides and kinds[0] in {"asof", "any", "all"}):
            ordered = [*kinds, "inner"]
        return " ".join([*ordered, "join"]).upper()

    def _constraint(self, needed: bool) -> nodes.JoinConstraint | None:
        start = self.start()
        if self.take("on"):
            made = nodes.JoinConstraint(self.expression(), "ON")
            if self.word() == "," and self.kind(1) not in {WORD, QUOTED}:
                raise self.fault("Unsupported: JOIN ... ON with multiple expressions")
        elif self.take("using"):
            made = nodes.JoinConstraint(self.expression(), "USING")
        elif needed:
            self.fail("ON or USING")
        else:
            return None
        made.span = (start, self.ends[self.at - 1])
        return made

    def _table_or_brackets(self) -> nodes.JoinExpr:
        """A table, or a whole join between brackets."""
        self.enter()
        if self.word() == "(" and not self._query_in_brackets():
            self.at += 1
            made = self.joins()
            self.expect(")")
        else:
            made = self._table()
        self.leave()
        return made

    def _query_in_brackets(self) -> bool:
        ahead = 1
        while self.word(ahead) == "(" and ahead <= MAX_NESTING:
            ahead += 1
        if self.word(ahead) in {"select", "values"}:
            return True
        return self.word(ahead) == "with" or (ahead > 1 and self.word(ahead) == "{")

    def _table(self) -> nodes.JoinExpr:
        start = self.start()
        made = nodes.JoinExpr(self._table_value())
        if self.word() == "(" and type(made.table) is nodes.Field:
            self.at += 1
            made.table_args = self.arguments(")")
        while self.word() in {"pivot", "unpivot"} and self.word(1) == "(":
            made.table = self._pivot(made.table) if self.word() == "pivot" else self._unpivot(made.table)
        self._table_alias(made)
        if self.take("final"):
            made.table_final = True
        if self.take("sample"):
            made.sample = self._sample()
        made.span = (start, self.ends[self.at - 1])
        return made

    def _table_value(self) -> nodes.Expr:
        start = self.start()
        if self.word() == "(":
            if self.word(1) == "values":
                return self._values()
            self.at += 1
            made: nodes.Expr = self.select_set()
            self.expect(")")
            return made
        if self.word() == "{":
            return self.operand()
        if self.kinds[self.at] == TAG:
            return self.tag()
        chain: list[str | int] = [self.name("a table")]
        while self.take("."):
            chain.append(self.name("a table"))
        return nodes.Field(chain, span=(start, self.ends[self.at - 1]))

    def _table_alias(self, made: nodes.JoinExpr) -> None:
        kind = self.kinds[self.at]
        if self.take("as") or kind == QUOTED or (kind == WORD and self.word() not in _NO_ALIAS):
            made.alias = self.name("an alias")
        if made.alias is not None and self.word() == "(":
            made.column_aliases = self.names()

    def _values(self) -> nodes.Expr:
        self.at += 2
        rows: list[list[nodes.Expr]] = []
        while True:
            self.expect("(")
            rows.append(self.arguments(")"))
            if not self.take(","):
                break
        self.expect(")")
        return nodes.ValuesQuery(rows)

    def _sample(self) -> nodes.SampleExpr:
        value = self._ratio()
        # Before anything but a ratio it is the query's own OFFSET.
        if self.word() == "offset" and (self.kind(1) == NUMBER or self.word(1) in {".", "{"}):
            self.at += 1
            return nodes.SampleExpr(value, self._ratio())
        return nodes.SampleExpr(value)

    def _ratio(self) -> nodes.RatioExpr:
        if self.word() == "{":
            return nodes.RatioExpr(self.operand())  # type: ignore[arg-type]
        left = self._ratio_part()
        return nodes.RatioExpr(left, self._ratio_part() if self.take("/") else None)

    def _ratio_part(self) -> nodes.Constant:
        if self.kinds[self.at] != NUMBER and self.word() != ".":
            self.fail("a number")
        return nodes.Constant(self.unsigned())

    def _pivot(self, table: nodes.Expr | None) -> nodes.Expr:
        self.at += 2
        aggregates = [self.expression()]
        while self.take(","):
            aggregates.append(self.expression())
        self.expect("for")
        columns = []
        while self.word() not in {")", "group"}:
            column = self.expression(61)
            self.expect("in")
            self.expect("(")
            columns.append(nodes.PivotColumn(column, self.arguments(")")))
        group_by = None
        if self.take_all("group", "by"):
            group_by = [self.expression()]
            while self.take(","):
                group_by.append(self.expression())
        self.expect(")")
        return nodes.PivotExpr(table, aggregates, columns, group_by)  # type: ignore[arg-type]

    def _unpivot(self, table: nodes.Expr | None) -> nodes.Expr:
        self.at += 2
        values = self.expression(61)
        self.expect("for")
        names = self.expression(61)
        self.expect("in")
        self.expect("(")
        made = nodes.UnpivotColumn(values, names, self.arguments(")"))
        self.expect(")")
        return nodes.UnpivotExpr(table, [made])  # type: ignore[arg-type]
