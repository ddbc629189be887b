"""Calls and what looks like one: functions, windows, casts, types, TRIM, COLUMNS, and HogQLX tags."""

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.cursor import Cursor
from hedgerow.language.syntax.tokens import NUMBER, OPERATOR, STRING, TAG, TEXT, WORD

_ABOVE_ALIAS = 11
_TRIMS = {"both": "trim", "leading": "trimLeft", "trailing": "trimRight"}


class Calls(Cursor):
    """Everything with a name and brackets."""

    def arguments(self, end: str) -> list[nodes.Expr]:
        """Expressions parted by commas up to `end`, which is taken; a last comma may stand before it."""
        found: list[nodes.Expr] = []
        while not self.take(end):
            found.append(self.expression())
            if not self.take(","):
                self.expect(end)
                break
        return found

    def call(self, name: str) -> nodes.Expr:
        """`name(…)`, `name(…)(…)`, with DISTINCT, ORDER BY, FILTER, WITHIN GROUP and OVER."""
        self.expect("(")
        if self._subquery_starts():
            inner = self.select_set()
            self.expect(")")
            return nodes.Call(name, [inner])
        made = self._brackets(name)
        if self.word() == "(" and not made.distinct:
            params = made.args
            self.at += 1
            made = self._brackets(name)
            made.params = params
        if self.take_all("within", "group"):
            self.expect("(")
            self.expect("order")
            self.expect("by")
            made.within_group = self.order_list()
            self.expect(")")
            if made.params is None:
                made.params, made.args = made.args, []
        if self.word() == "filter" and self.word(1) == "(" and self.word(2) == "where":
            self.at += 3
            made.filter_expr = self.expression()
            self.expect(")")
        if self.word() != "over":
            return made
        if made.distinct or made.order_by or made.within_group or made.filter_expr is not None:
            raise self.fault("DISTINCT, ORDER BY, WITHIN GROUP and FILTER cannot be used with OVER")
        return self._over(made)

    def _subquery_starts(self) -> bool:
        return self.kinds[self.at] == WORD and (
            (self.word() == "select" and self.word(1) not in {",", ")", "."})
            or (self.word() == "with" and self.kind(1) != OPERATOR)
        )

    def _brackets(self, name: str) -> nodes.Call:
        made = nodes.Call(name, [])
        if self.word() == "distinct" and self.word(1) not in {",", "."}:
            self.at += 1
            made.distinct = True
        while not self.take(")"):
            if self.take_all("order", "by"):
                made.order_by = self.order_list()
                self.expect(")")
                break
            made.args.append(self.expression())
            if self.word() == "order" and self.word(1) == "by":
                continue
            if not self.take(","):
                self.expect(")")
                break
        return made

    def _over(self, call: nodes.Call) -> nodes.Expr:
        """A call becomes a window function: its brackets' content is `exprs`, a second pair's `args`."""
        self.expect("over")
        made = nodes.WindowFunction(call.name)
        made.exprs = call.args if call.params is None else call.params
        made.args = [] if call.params is None else call.args
        if self.take("("):
            made.over_expr = self.window()
            self.expect(")")
        else:
            made.over_identifier = self.name("a window")
        return made

    def order_list(self) -> list[nodes.OrderExpr]:
        raise NotImplementedError

    def window(self) -> nodes.WindowExpr:
        raise NotImplementedError

    def cast(self) -> nodes.Expr | None:
        """`CAST(x AS type)`; `CAST(x, 'type')` is a plain call."""
        if self.word(1) != "(":
            return None
        name = self.values[self.at]
        kind = nodes.TypeCast if self.words[self.at] == "cast" else nodes.TryCast
        self.at += 2
        if self.take(")"):
            return nodes.Call(name, [])
        inner = self.expression(_ABOVE_ALIAS)
        if self.take("as"):
            made = kind(inner, self.type_name())
            self.expect(")")
            return made
        args = [inner]
        if self.take(","):
            args += self.arguments(")")
        else:
            self.expect(")")
        return nodes.Call(name, args)

    def type_name(self) -> str:
        """A type in lower case: `decimal(10, 2)`, `array(nullable(string))`."""
        self.enter()
        made = self.name("a type").lower()
        if not made.isidentifier():
            raise self.fault("This is not a type")
        if self.take("("):
            parts: list[str] = []
            while not self.take(")"):
                parts.append(self._type_part())
                if not self.take(","):
                    self.expect(")")
                    break
            made += "(" + ", ".join(parts) + ")"
        self.leave()
        return made

    def _type_part(self) -> str:
        if self.kinds[self.at] in {NUMBER, STRING}:
            self.at += 1
            value = self.values[self.at - 1]
            if self.kinds[self.at - 1] == NUMBER:
                return value
            return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
        if self.kind() == WORD and self.kind(1) == WORD:
            return f"{self.name().lower()} {self.type_name()}"
        return self.type_name()

    def trim(self) -> nodes.Expr | None:
        """`TRIM(BOTH 'x' FROM y)`; any other is a plain call."""
        if self.word(1) != "(" or self.word(2) not in _TRIMS or self.kind(3) != STRING:
            return None
        name, characters = _TRIMS[self.word(2)], self.values[self.at + 3]
        self.at += 4
        self.expect("from")
        subject = self.expression()
        self.expect(")")
        return nodes.Call(name, [subject, nodes.Constant(characters)])

    def columns(self) -> nodes.Expr | None:
        """`COLUMNS('regex')`, `COLUMNS(a, b)`."""
        if self.word(1) != "(" or self.word(2) == ")":
            return None
        self.at += 2
        if self.kinds[self.at] == STRING and self.word(1) == ")":
            self.at += 2
            return nodes.ColumnsExpr(regex=self.values[self.at - 2])
        return nodes.ColumnsExpr(columns=self.arguments(")"))

    # --- HogQLX tags

    def tag(self) -> nodes.Expr:
        """`<Kind name="x" other={expr}>children</Kind>` or `<Kind … />`."""
        self.enter()
        if self.kinds[self.at] != TAG:
            self.fail("a tag")
        self.at += 1
        kind = self.name("the tag's name")
        attributes: list[nodes.HogQLXAttribute] = []
        while self.kinds[self.at] == WORD:
            attributes.append(self._attribute())
        if not self.take("/>"):
            self.expect(">")
            children = self._children(kind)
            if children:
                if any(attribute.name == "children" for attribute in attributes):
                    raise self.fault("Can't have a HogQLX tag with both children and a 'children' attribute")
                attributes.append(nodes.HogQLXAttribute("children", children))
        self.leave()
        return nodes.HogQLXTag(kind, attributes)

    def _attribute(self) -> nodes.HogQLXAttribute:
        name = self.name()
        if not self.take("="):
            return nodes.HogQLXAttribute(name, nodes.Constant(True))
        if self.kinds[self.at] == STRING:
            self.at += 1
            return nodes.HogQLXAttribute(name, nodes.Constant(self.values[self.at - 1]))
        self.expect("{")
        value = self.expression()
        self.expect("}")
        return nodes.HogQLXAttribute(name, value)

    def _children(self, kind: str) -> list[nodes.Expr]:
        found: list[nodes.Expr] = []
        while not self.take("</"):
            if self.kinds[self.at] == TEXT:
                text = self.values[self.at]
                self.at += 1
                if text.strip() or "\n" not in text:
                    found.append(nodes.Constant(text))
            elif self.kinds[self.at] == TAG:
                found.append(self.tag())
            else:
                self.expect("{")
                found.append(self.expression())
                self.expect("}")
        closing = self.name("the tag's name")
        if closing != kind:
            raise self.fault(f"Opening and closing HogQLX tags must match. Got {kind} and {closing}")
        self.expect(">")
        return found
