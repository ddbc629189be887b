"""Operands: what an expression starts with, from constants to calls, brackets, lambdas and CASE."""

from collections.abc import Callable

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.calls import Calls
from hedgerow.language.syntax.cursor import CLOSING
from hedgerow.language.syntax.literals import number
from hedgerow.language.syntax.tokens import (
    END,
    NUMBER,
    OPERATOR,
    QUOTED,
    STRING,
    TAG,
    TEMPLATE,
    TEMPLATE_END,
    TEXT,
    WORD,
)

_NEGATE, _NOT, _ABOVE_ALIAS = 90, 45, 11
_UNITS = frozenset({"second", "minute", "hour", "day", "week", "month", "quarter", "year"})
_UNIT_NAMES = {unit: unit.capitalize() for unit in _UNITS} | {unit + "s": unit.capitalize() for unit in _UNITS}
_BLOCK_STARTS = frozenset({"let", "return", "throw", "try", "while", "for", "fn", "fun", ";"})
_NEVER_A_VALUE = frozenset(
    {"from", "where", "group", "having", "order", "limit", "union", "then", "else", "end", "when"}
)


class Operands(Calls):
    """`operand()` takes one value, without the operators that may follow it."""

    def operand(self) -> nodes.Expr:
        start = self.start()
        made = _BY_KIND.get(self.kinds[self.at], Operands._nothing)(self)
        if made.span is None:
            made.span = (start, self.ends[self.at - 1])
        return made

    def _nothing(self) -> nodes.Expr:
        self.fail("an expression")

    def _word(self) -> nodes.Expr:
        word = self.words[self.at]
        special = _BY_WORD.get(word)
        if special is not None and (made := special(self)) is not None:
            return made
        if word in _NEVER_A_VALUE and self.kind(1) in {WORD, QUOTED, STRING, NUMBER}:
            self.fail("an expression")
        return self._identifier()

    def _identifier(self) -> nodes.Expr:
        name = self.name()
        following = self.words[self.at]
        if following == "(":
            return self.call(name)
        if following == "->":
            return self._lambda([name])
        if following == "," and self.at >= self._no_lambda_before and (names := self._bare_arguments()):
            return self._lambda([name, *names])
        if following == ":=":
            self.at += 1
            return nodes.NamedArgument(name, self.expression(_ABOVE_ALIAS))
        return nodes.Field([name])

    def _bare_arguments(self) -> list[str]:
        """The rest of `a, b, c ->`, taken; empty and nothing taken when these are no lambda's arguments."""
        ahead = 0
        while self.word(ahead) == "," and self.kind(ahead + 1) in {WORD, QUOTED}:
            ahead += 2
        if self.word(ahead) != "->":
            # Nothing up to there can be one either: look at each token once.
            self._no_lambda_before = self.at + ahead
            return []
        names = [self.values[self.at + place] for place in range(1, ahead, 2)]
        self.at += ahead
        return names

    def _constant(self, value: bool | None) -> nodes.Expr | None:
        if self.word(1) in {"(", "->", ".", ":="} and value is not None:
            return None
        self.at += 1
        return nodes.Constant(value)

    def _special_number(self) -> nodes.Expr:
        self.at += 1
        return nodes.Constant(float("nan" if self.words[self.at - 1] == "nan" else "inf"))

    def _number(self) -> nodes.Expr:
        return nodes.Constant(self.unsigned())

    def unsigned(self) -> int | float:
        """A number; `1.5` is three tokens, since `t.1.5` is not a float."""
        if self.words[self.at] in {"inf", "infinity", "nan"}:
            self.at += 1
            return float("nan" if self.words[self.at - 1] == "nan" else "inf")
        text, start = self.values[self.at], self.starts[self.at]
        end = self.ends[self.at]
        self.at += 1
        if text == ".":
            text += self._fraction()
        elif text.isdigit() and self._point_follows(end):
            self.at += 1
            text += "." + (self._fraction() if self.kinds[self.at] == NUMBER else "0")
        return number(text, lambda message: self.fault(message, start))

    def _point_follows(self, end: int) -> bool:
        touching = self.is_operator(".") and self.starts[self.at] == end
        return touching and self.word(1) != "*" and self.kind(1) not in {WORD, QUOTED}

    def _fraction(self) -> str:
        if self.kinds[self.at] != NUMBER or not self.values[self.at].replace("e", "").isalnum():
            self.fail("digits")
        self.at += 1
        return self.values[self.at - 1]

    def _string(self) -> nodes.Expr:
        self.at += 1
        return nodes.Constant(self.values[self.at - 1])

    def _operator(self) -> nodes.Expr:
        handler = _BY_OPERATOR.get(self.words[self.at])
        if handler is None:
            self.fail("an expression")
        return handler(self)

    def _sign(self) -> nodes.Expr:
        """A signed number is a constant; `-x` is `0 - x`."""
        negative = self.words[self.at] == "-"
        if self._number_follows():
            self.at += 1
            value = self.unsigned()
            return nodes.Constant(-value if negative else value)
        if not negative:
            self.fail("an expression")
        self.at += 1
        return nodes.ArithmeticOperation("-", nodes.Constant(0), self.expression(_NEGATE))

    def _number_follows(self) -> bool:
        kind, word = self.kind(1), self.word(1)
        if kind == NUMBER or (word == "." and self.kind(2) == NUMBER):
            return True
        return kind == WORD and word in {"inf", "infinity", "nan"}

    def _not(self) -> nodes.Expr | None:
        query = self.word(1) == "(" and self.kind(2) == WORD and self.word(2) in {"select", "with"}
        if not (
            query or self.kind(1) in {WORD, QUOTED, NUMBER, STRING, TEMPLATE} or self.word(1) in {"[", "{", "-", "*"}
        ):
            return None
        self.at += 1
        return nodes.Not(self.expression(_NOT))

    def _star(self) -> nodes.Expr:
        self.at += 1
        return self._star_exclusion()

    def _star_exclusion(self) -> nodes.Expr:
        """`* EXCLUDE (a, b)`, or the star alone."""
        if self.word() == "exclude" and self.word(1) == "(":
            self.at += 1
            return nodes.ColumnsExpr(all_columns=True, exclude=self.names())
        return nodes.Field(["*"])

    def _round(self) -> nodes.Expr:
        """Round brackets: a sub-query, a tuple, a lambda's arguments, or just brackets."""
        if self.word(1) in {"select", "with"} and self.kind(1) == WORD and self.word(2) not in {",", ")", ".", "->"}:
            return self._subquery()
        self.at += 1
        if self.take(")"):
            if self.word() != "->":
                self.fail("-> after ()")
            return self._lambda([])
        exprs, trailing = [self.expression()], False
        if self.word() in _SET_WORDS and isinstance(exprs[0], nodes.SelectQuery | nodes.SelectSetQuery):
            made = self.select_set_after(exprs[0])
            self.expect(")")
            return made
        while self.take(","):
            if self.word() == ")":
                trailing = True
                break
            exprs.append(self.expression())
        self.expect(")")
        if self.word() == "->":
            return self._lambda([self._argument(expr) for expr in exprs])
        return exprs[0] if len(exprs) == 1 and not trailing else nodes.Tuple(exprs)

    def _subquery(self) -> nodes.Expr:
        self.at += 1
        made = self.select_set()
        self.expect(")")
        return made

    def select_set_after(self, first: nodes.AnySelect) -> nodes.AnySelect:
        raise NotImplementedError

    def _argument(self, expr: nodes.Expr) -> str:
        if type(expr) is nodes.Field and len(expr.chain) == 1:
            return str(expr.chain[0])
        raise self.fault("The arguments of a lambda must be names")

    def _lambda(self, names: list[str]) -> nodes.Expr:
        self.expect("->")
        if self.word() == "{" and self._block_follows():
            return nodes.Lambda(names, self.block())
        return nodes.Lambda(names, self.expression())

    def _block_follows(self) -> bool:
        first, second = self.word(1), self.word(2)
        if (first in _BLOCK_STARTS and second not in {":", "}"}) or (first == "if" and second == "("):
            return True
        return self.ends_with_semicolon()

    def ends_with_semicolon(self) -> bool:
        """Whether the first thing in the curly brackets that start here is a statement, ended by `;`."""
        place = self.at + 1
        while self.kinds[place] != END and (word := self.words[place]) not in CLOSING:
            if word in {";", ":", ","}:
                return word == ";"
            place = self.after(place)
        return False

    def _python_lambda(self) -> nodes.Expr | None:
        """`lambda x, y: x + y`."""
        if self.kind(1) not in {WORD, QUOTED} or self.word(2) not in {",", ":"}:
            return None
        self.at += 1
        names = [self.name()]
        while self.take(","):
            names.append(self.name())
        self.expect(":")
        return nodes.Lambda(names, self.expression())

    def _square(self) -> nodes.Expr:
        self.at += 1
        return nodes.Array(self.arguments("]"))

    def _curly(self) -> nodes.Expr:
        """Curly brackets: a placeholder, or a dictionary."""
        self.at += 1
        if self.take("}"):
            return nodes.Dict([])
        first = self.expression()
        if self.take("}"):
            return nodes.Placeholder(first)
        items: list[tuple[nodes.Expr, nodes.Expr]] = []
        key: nodes.Expr | None = first
        while key is not None:
            self.expect(":")
            items.append((key, self.expression()))
            key = self.expression() if self.take(",") and self.word() != "}" else None
        self.expect("}")
        return nodes.Dict(items)

    def _case(self) -> nodes.Expr | None:
        if self.kind(1) == END or (self.kind(1) == OPERATOR and self.word(1) not in {"(", "[", "{", "-"}):
            return None
        self.at += 1
        subject = None if self.word() == "when" else self.expression()
        args: list[nodes.Expr] = []
        while self.take("when"):
            args.append(self.expression())
            self.expect("then")
            args.append(self.expression())
        if not args:
            self.fail("WHEN")
        args.append(self.expression() if self.take("else") else nodes.Constant(None))
        self.expect("end")
        if subject is not None:
            return nodes.Call("_caseWithExpression", [subject, *args])
        return nodes.Call("if" if len(args) == 3 else "multiIf", args)

    def _interval(self) -> nodes.Expr | None:
        """`INTERVAL 1 DAY`, `INTERVAL '1 day'`."""
        if self.kind(1) == STRING:
            parts = self.values[self.at + 1].lower().split()
            if len(parts) == 2 and parts[0].isdigit() and parts[1] in _UNIT_NAMES:
                self.at += 2
                return nodes.Call("toInterval" + _UNIT_NAMES[parts[1]], [nodes.Constant(int(parts[0]))])
        signed = self.word(1) == "-" and self.kind(2) == NUMBER and self.word(3) in _UNITS
        if self.kind(1) not in {NUMBER, STRING, WORD, QUOTED} and self.word(1) not in {"{", "("} and not signed:
            return None
        if self.kind(1) == WORD and self.word(1) in {"from", "as", "and", "or", "in", "is", "like", "not", "between"}:
            return None
        self.at += 1
        called = self.word() == "("
        count = self.expression(_ABOVE_ALIAS)
        unit = self.take_any(_UNITS)
        if not unit and not (called and self.words[self.at - 1] == ")"):
            self.fail("SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER or YEAR")
        if not unit:
            return nodes.Call("interval", list(count.exprs) if type(count) is nodes.Tuple else [count])
        return nodes.Call("toInterval" + unit.capitalize(), [count])

    def _template(self) -> nodes.Expr:
        """`f'text {expression}'`."""
        self.at += 1
        made = self.template_parts(TEMPLATE_END)
        self.at += 1
        return made

    def template_parts(self, end: str) -> nodes.Expr:
        """Texts and expressions up to a token of kind `end`, as one value."""
        parts: list[nodes.Expr] = []
        while self.kinds[self.at] != end:
            if self.kinds[self.at] == TEXT:
                parts.append(nodes.Constant(self.values[self.at]))
                self.at += 1
            else:
                self.expect("{")
                parts.append(self.expression())
                self.expect("}")
        if not parts:
            return nodes.Constant("")
        return parts[0] if len(parts) == 1 else nodes.Call("concat", parts)


_SET_WORDS = frozenset({"union", "intersect", "except"})

_BY_KIND: dict[str, Callable[[Operands], nodes.Expr]] = {
    WORD: Operands._word,
    QUOTED: Operands._identifier,
    NUMBER: Operands._number,
    STRING: Operands._string,
    OPERATOR: Operands._operator,
    TEMPLATE: Operands._template,
    TAG: Operands.tag,
}

_BY_WORD: dict[str, Callable[[Operands], nodes.Expr | None]] = {
    "true": lambda self: self._constant(True),
    "false": lambda self: self._constant(False),
    "null": lambda self: self._constant(None),
    "inf": Operands._special_number,
    "infinity": Operands._special_number,
    "nan": Operands._special_number,
    "not": Operands._not,
    "case": Operands._case,
    "interval": Operands._interval,
    "lambda": Operands._python_lambda,
    "cast": Operands.cast,
    "try_cast": Operands.cast,
    "trim": Operands.trim,
    "columns": Operands.columns,
}

_BY_OPERATOR: dict[str, Callable[[Operands], nodes.Expr]] = {
    "(": Operands._round,
    "[": Operands._square,
    "{": Operands._curly,
    "*": Operands._star,
    "-": Operands._sign,
    "+": Operands._sign,
    ".": Operands._number,
}
