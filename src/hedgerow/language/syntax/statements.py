"""Statements of programs: declarations, assignments, control flow, functions, blocks."""

from collections.abc import Callable

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.cursor import CLOSING
from hedgerow.language.syntax.selects import Selects
from hedgerow.language.syntax.tokens import END, NUMBER, OPERATOR, QUOTED, STRING, WORD


class Statements(Selects):
    """`program()` takes a whole program."""

    def program(self) -> nodes.Program:
        found: list[nodes.Node] = []
        while self.kinds[self.at] != END:
            self._add(found)
        return nodes.Program(found)

    def block(self) -> nodes.Block:
        start = self.start()
        self.expect("{")
        found: list[nodes.Node] = []
        while not self.take("}"):
            self._add(found)
        return nodes.Block(found, span=(start, self.ends[self.at - 1]))

    def _add(self, found: list[nodes.Node]) -> None:
        if not self.take(";"):
            found.append(self._declaration())

    def _declaration(self) -> nodes.Node:
        self.enter()
        start = self.start()
        made = self._statement()
        made.span = (start, self.ends[self.at - 1])
        self.leave()
        return made

    def _statement(self) -> nodes.Node:
        word = self.word()
        special = _BY_WORD.get(word)
        if special is not None and (self.kind(1) != OPERATOR or self.word(1) in _BEHIND_STATEMENT_WORD):
            made = special(self)
            if made is not None:
                return made
        if word == "{" and self._is_block():
            return self.block()
        return self._expression_or_assignment(ends=True)

    def _is_block(self) -> bool:
        """Whether curly brackets hold statements rather than a dictionary or a placeholder."""
        place = self.at + 1
        while self.kinds[place] != END and (word := self.words[place]) not in CLOSING:
            if word in {";", ":=", "?", ":"}:
                return word != ":"
            place = self.after(place)
        return self.kinds[place] != END

    def _expression_or_assignment(self, ends: bool) -> nodes.Statement:
        left = self.expression()
        if isinstance(left, nodes.NamedArgument):
            made: nodes.Statement = nodes.VariableAssignment(nodes.Field([left.name]), left.value)
        elif self.take(":="):
            made = nodes.VariableAssignment(left, self.expression())
        else:
            made = nodes.ExprStatement(left)
        if ends:
            self.take(";")
        return made

    def _let(self) -> nodes.Statement | None:
        if self.kind(1) == OPERATOR and self.word(1) not in {":=", ";", "}"}:
            return None
        self.at += 1
        name = self.name("a variable's name")
        expr = self.expression() if self.take(":=") else None
        return nodes.VariableDeclaration(name, expr)

    def _return(self) -> nodes.Statement:
        self.at += 1
        return nodes.ReturnStatement(self._optional_value())

    def _throw(self) -> nodes.Statement:
        self.at += 1
        value = self.expression()
        self.take(";")
        return nodes.ThrowStatement(value)

    def _optional_value(self) -> nodes.Expr | None:
        nothing = self.word() in {";", "}"} or self.kinds[self.at] == END or self._statement_follows()
        value = None if nothing else self.expression()
        self.take(";")
        return value

    def _statement_follows(self) -> bool:
        """Whether a statement of its own starts here, as in `return let x`."""
        return self.word() in _AFTER_RETURN and (self.kind(1) in {WORD, QUOTED, NUMBER, STRING} or self.word(1) == "{")

    def _if(self) -> nodes.Statement:
        self.at += 1
        condition = self._condition()
        then = self._declaration()
        otherwise = self._declaration() if self.take("else") else None
        return nodes.IfStatement(condition, then, otherwise)  # type: ignore[arg-type]

    def _while(self) -> nodes.Statement:
        self.at += 1
        made = nodes.WhileStatement(self._condition(), self._body())
        self.take(";")
        return made

    def _condition(self) -> nodes.Expr:
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        return condition

    def _body(self) -> nodes.Statement:
        if self.take(";"):
            return nodes.ExprStatement(None)
        return self._declaration()  # type: ignore[return-value]

    def _for(self) -> nodes.Statement:
        self.at += 1
        self.expect("(")
        if self.word() == "let" and self.word(2) in {"in", ","}:
            made: nodes.Statement = self._for_in()
        else:
            start = self._for_part(";")
            condition = None if self.word() == ";" else self.expression()
            self.expect(";")
            step = self._for_part(")")
            made = nodes.ForStatement(start, condition, step, self._body())
        self.take(";")
        return made

    def _for_part(self, end: str) -> nodes.Node | None:
        if self.take(end):
            return None
        made: nodes.Node | None = self._let() if self.word() == "let" else None
        if made is None:
            made = self._expression_or_assignment(ends=False)
            made = made.expr if isinstance(made, nodes.ExprStatement) else made
        self.expect(end)
        return made

    def _for_in(self) -> nodes.Statement:
        self.at += 1
        first = self.name("a variable's name")
        second = self.name("a variable's name") if self.take(",") else None
        self.expect("in")
        expr = self.expression()
        self.expect(")")
        key, value = (first, second) if second is not None else (None, first)
        return nodes.ForInStatement(key, value, expr, self._body())

    def _try(self) -> nodes.Statement:
        self.at += 1
        body = self.block()
        catches: list[tuple[str | None, str | None, nodes.Statement]] = []
        while self.take("catch"):
            name = kind = None
            if self.take("("):
                name = self.name("a variable's name")
                kind = self.name("an error's name") if self.take(":") else None
                self.expect(")")
            catches.append((name, kind, self.block()))
        return nodes.TryCatchStatement(body, catches, self.block() if self.take("finally") else None)

    def _function(self) -> nodes.Statement | None:
        if self.word(2) != "(":
            return None
        self.at += 1
        name = self.name("a function's name")
        self.expect("(")
        params: list[str] = []
        while not self.take(")"):
            params.append(self.name("a parameter"))
            if not self.take(","):
                self.expect(")")
                break
        return nodes.Function(name, params, self.block())


_BEHIND_STATEMENT_WORD = frozenset(["(", "{", ";", "-", "[", "}", ":="])
_AFTER_RETURN = frozenset({"let", "throw", "try"})
_BY_WORD: dict[str, Callable[[Statements], nodes.Statement | None]] = {
    "let": Statements._let,
    "return": Statements._return,
    "throw": Statements._throw,
    "if": Statements._if,
    "while": Statements._while,
    "for": Statements._for,
    "try": Statements._try,
    "fn": Statements._function,
    "fun": Statements._function,
}
