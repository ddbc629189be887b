"""Expressions: operators by binding power, and everything that can follow a value."""

from collections.abc import Callable

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.operands import Operands
from hedgerow.language.syntax.tokens import LITERALS, NUMBER, QUOTED, STRING, TAG, TEMPLATE, WORD

ALIAS = 10
TERNARY = 20
OR = 30
AND = 40
NOT = 45
BETWEEN = 47
NULLISH = 50
DISTINCT = 53
IS = 55
COMPARE = 60
ADD = 70
MULTIPLY = 80
NEGATE = 90
POSTFIX = 100

_COMPARISONS: dict[str, str] = {
    "=": "==", "==": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "in": "in",
    "like": "like", "ilike": "ilike", "~": "=~", "=~": "=~", "!~": "!~", "~*": "=~*", "=~*": "=~*", "!~*": "!~*",
}  # fmt: skip

_POWERS: dict[str, int] = (
    dict.fromkeys(_COMPARISONS, COMPARE)
    | dict.fromkeys(("+", "-", "||"), ADD)
    | dict.fromkeys(("*", "/", "%"), MULTIPLY)
    | dict.fromkeys((".", "?.", "[", "(", "::"), POSTFIX)
    | {
        "?": TERNARY,
        "as": ALIAS,
        "or": OR,
        "and": AND,
        "between": BETWEEN,
        "??": NULLISH,
        "is": IS,
        "<=>": DISTINCT,
        "not": COMPARE,
    }
)


class Expressions(Operands):
    """Binding-power parsing: `expression(least)` takes operators that bind at least as tight as `least`."""

    def expression(self, least: int = 0) -> nodes.Expr:
        self.enter()
        start = self.start()
        left = self.operand()
        links = 0
        while True:
            operator = self.words[self.at]
            power = _POWERS.get(operator, -1)
            if power < least or power < 0:
                break
            if operator == "not" and self.word(1) == "between":
                power = BETWEEN
                if power < least:
                    break
            if operator == "%" and self._ends_limit():
                break
            if operator == "is" and least > DISTINCT and self._is_distinct():
                break
            following = self._infix(left, operator, start)
            if following is None:
                break
            if type(following) not in _FLAT:
                links += 1
                self.lengthen(links)
            left = following
            if type(left) is nodes.Alias and self.words[self.at] != "as":
                break
        self.leave()
        return left

    def _infix(self, left: nodes.Expr, operator: str, start: int) -> nodes.Expr | None:
        """`left` with the next operator applied; `None` when it is none after all."""
        made = _INFIX[operator](self, left)
        if made is not None and made is not left:
            made.span = (start, self.ends[self.at - 1])
        return made

    def _ends_limit(self) -> bool:
        # `LIMIT 10%`: nothing that could be multiplied follows.
        if self.word(1) == "with" and self.word(2) == "ties":
            return True
        value = self.kind(1) in {WORD, QUOTED, NUMBER, STRING, TAG, TEMPLATE}
        return not value and self.word(1) not in {"(", "{", "[", "-", "."}

    def _arithmetic(self, left: nodes.Expr) -> nodes.Expr:
        operator = self.words[self.at]
        self.at += 1
        right = self.expression((MULTIPLY if operator in "*/%" else ADD) + 1)
        return nodes.ArithmeticOperation(operator, left, right)  # type: ignore[arg-type]

    def _concat(self, left: nodes.Expr) -> nodes.Expr:
        """One call for a whole chain of `||`."""
        parts = _parts(left)
        while self.take("||"):
            parts += _parts(self.expression(ADD + 1))
        return nodes.Call("concat", parts)

    def _compare(self, left: nodes.Expr) -> nodes.Expr:
        operator = _COMPARISONS[self.words[self.at]]
        self.at += 1
        if operator == "in" and self.word() == "cohort" and self._starts_value(1):
            self.at += 1
            operator = "in cohort"
        return nodes.CompareOperation(operator, left, self.expression(COMPARE + 1))  # type: ignore[arg-type]

    def _negated(self, left: nodes.Expr) -> nodes.Expr | None:
        following = self.word(1)
        if following == "between":
            self.at += 1
            return self._between(left, negated=True)
        if following not in {"in", "like", "ilike"}:
            return None
        self.at += 2
        if following == "in" and self.word() == "cohort" and self._starts_value(1):
            self.at += 1
            following = "in cohort"
        return nodes.CompareOperation(f"not {following}", left, self.expression(COMPARE + 1))  # type: ignore[arg-type]

    def _between(self, left: nodes.Expr, negated: bool = False) -> nodes.Expr:
        self.expect("between")
        low = self.expression(BETWEEN + 1)
        self.expect("and")
        return nodes.BetweenExpr(left, low, self.expression(BETWEEN + 1), negated)

    def _is(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        negated = self.take("not")
        if self.take_all("distinct", "from"):
            return nodes.IsDistinctFrom(left, self.expression(DISTINCT + 1), negated)
        if not self.take("null"):
            self.fail("NULL or DISTINCT FROM")
        return nodes.CompareOperation("!=" if negated else "==", left, nodes.Constant(None), True)

    def _is_distinct(self) -> bool:
        return self.word(1) == "distinct" or (self.word(1) == "not" and self.word(2) == "distinct")

    def _same(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        return nodes.IsDistinctFrom(left, self.expression(DISTINCT + 1), True)

    def _nullish(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        return nodes.Call("ifNull", [left, self.expression(NULLISH + 1)])

    def _and(self, left: nodes.Expr) -> nodes.Expr:
        exprs = list(left.exprs) if type(left) is nodes.And else [left]
        while self.take("and"):
            right = self.expression(AND + 1)
            exprs += right.exprs if type(right) is nodes.And else [right]
        return nodes.And(exprs)

    def _or(self, left: nodes.Expr) -> nodes.Expr:
        exprs = list(left.exprs) if type(left) is nodes.Or else [left]
        while self.take("or"):
            right = self.expression(OR + 1)
            exprs += right.exprs if type(right) is nodes.Or else [right]
        return nodes.Or(exprs)

    def _ternary(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        middle = self.expression(TERNARY)
        self.expect(":")
        return nodes.Call("if", [left, middle, self.expression(TERNARY)])

    def _alias(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        if self.kinds[self.at] == STRING:
            self.at += 1
            return nodes.Alias(self.values[self.at - 1], left)
        if self.words[self.at] in LITERALS:
            self.fail("an alias")
        return nodes.Alias(self.name("an alias"), left)

    def _cast(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        return nodes.TypeCast(left, self.type_name())

    def _index(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        inner = self.expression()
        self.expect("]")
        return nodes.ArrayAccess(left, inner)

    def _call_value(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        return nodes.ExprCall(left, self.arguments(")"))

    def _dot(self, left: nodes.Expr) -> nodes.Expr:
        """`.name`, `.1`, `.*`: a plain chain grows, anything else is accessed."""
        plain = type(left) is nodes.Field and self.words[self.at - 1] != ")"
        self.at += 1
        kind = self.kinds[self.at]
        if kind == NUMBER and self.values[self.at].isdigit():
            self.at += 1
            return nodes.TupleAccess(left, int(self.values[self.at - 1]))
        if plain and self.word() == "*" and type(left) is nodes.Field:
            self.at += 1
            if self.word() == "exclude" and self.word(1) == "(":
                raise self.fault("EXCLUDE works with a plain *, not with one table's")
            return nodes.Field([*left.chain, "*"])
        property_name = self.name("a property, an index or *")
        if plain and type(left) is nodes.Field and left.chain[-1] != "*":
            left.chain.append(property_name)
            left.span = (left.span[0] if left.span else 0, self.ends[self.at - 1])
            return left
        return nodes.ArrayAccess(left, nodes.Constant(property_name))

    def _nullish_access(self, left: nodes.Expr) -> nodes.Expr:
        self.at += 1
        if self.take("["):
            inner = self.expression()
            self.expect("]")
            return nodes.ArrayAccess(left, inner, True)
        if self.kinds[self.at] == NUMBER and self.values[self.at].isdigit():
            self.at += 1
            return nodes.TupleAccess(left, int(self.values[self.at - 1]), True)
        return nodes.ArrayAccess(left, nodes.Constant(self.name("a property")), True)

    def _starts_value(self, ahead: int) -> bool:
        """Whether a value may start `ahead` tokens from here."""
        return self.kind(ahead) in {WORD, QUOTED, NUMBER, STRING} or self.word(ahead) in {"(", "[", "{", "-", "+"}


def _parts(side: nodes.Expr) -> list[nodes.Expr]:
    return list(side.args) if type(side) is nodes.Call and side.name == "concat" else [side]


_FLAT = frozenset({nodes.And, nodes.Or, nodes.Field})

_INFIX: dict[str, Callable[[Expressions, nodes.Expr], nodes.Expr | None]] = {
    **dict.fromkeys(_COMPARISONS, Expressions._compare),
    **dict.fromkeys(("+", "-", "*", "/", "%"), Expressions._arithmetic),
    "||": Expressions._concat,
    "not": Expressions._negated,
    "between": Expressions._between,
    "is": Expressions._is,
    "<=>": Expressions._same,
    "??": Expressions._nullish,
    "and": Expressions._and,
    "or": Expressions._or,
    "?": Expressions._ternary,
    "as": Expressions._alias,
    "::": Expressions._cast,
    "[": Expressions._index,
    "(": Expressions._call_value,
    ".": Expressions._dot,
    "?.": Expressions._nullish_access,
}
