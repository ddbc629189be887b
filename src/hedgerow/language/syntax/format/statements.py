"""Programs to text, a statement a line, and the entry to the formatter."""

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.format.queries import QueryWriting
from hedgerow.language.syntax.format.writing import name_text

_INDENT = "    "


def format_tree(node: nodes.Node) -> str:
    """The text of a query, an expression, an order or a program, such that it parses to the same tree.

    Queries stand on one line. Trees that only a pass can make (an `AND` of one, a `NOT` of an `OR`) come out as text
    of the same meaning. Raises `NotImplementedError` for nodes that are not of the syntax.
    """
    writing = StatementWriting()
    writing.query(node)
    return writing.text()


class StatementWriting(QueryWriting):
    """Writes programs."""

    def __init__(self) -> None:
        super().__init__()
        self.level = 0

    def line(self) -> None:
        self.put("\n" + _INDENT * self.level)

    def visit_program(self, node: nodes.Program) -> None:
        for place, statement in enumerate(node.declarations):
            if place:
                self.line()
            self.visit(statement)

    def visit_block(self, node: nodes.Block) -> None:
        self.put("{")
        self.level += 1
        for statement in node.declarations:
            self.line()
            self.visit(statement)
        self.level -= 1
        self.line()
        self.put("}")

    def visit_variable_declaration(self, node: nodes.VariableDeclaration) -> None:
        self._declaration(node)
        self.put(";")

    def _declaration(self, node: nodes.VariableDeclaration) -> None:
        self.put(f"let {name_text(node.name)}")
        if node.expr is not None:
            self.put(" := ")
            self.expr(node.expr)

    def visit_variable_assignment(self, node: nodes.VariableAssignment) -> None:
        self._assignment(node)
        self.put(";")

    def _assignment(self, node: nodes.VariableAssignment) -> None:
        self.expr(node.left)
        self.put(" := ")
        self.expr(node.right)

    def visit_expr_statement(self, node: nodes.ExprStatement) -> None:
        if node.expr is not None:
            self._start_of_statement(node.expr)
        self.put(";")

    def _start_of_statement(self, expr: nodes.Expr) -> None:
        """An expression where `{` would open a block, `if(…)` a statement, and `<` behind a block would compare."""
        place = len(self.pieces)
        self.expr(expr)
        if self.pieces[place].startswith(("{", "<")) or self.pieces[place].lower() == "if":
            self.pieces.insert(place, "(")
            self.put(")")

    def visit_return_statement(self, node: nodes.ReturnStatement) -> None:
        self._word_and_value("return", node.expr)

    def visit_throw_statement(self, node: nodes.ThrowStatement) -> None:
        self._word_and_value("throw", node.expr)

    def _word_and_value(self, word: str, expr: nodes.Expr | None) -> None:
        self.put(word if expr is None else f"{word} ")
        if expr is not None:
            self.expr(expr)
        self.put(";")

    def visit_if_statement(self, node: nodes.IfStatement) -> None:
        self._condition("if", node.expr)
        # An `if` in here without an `else` of its own would take ours.
        inner = node.else_ is not None and not isinstance(node.then, nodes.Block)
        self.visit(nodes.Block([node.then]) if inner and _ends_open(node.then) else node.then)
        if node.else_ is not None:
            self.put(" else ")
            self.visit(node.else_)

    def visit_while_statement(self, node: nodes.WhileStatement) -> None:
        self._condition("while", node.expr)
        self.visit(node.body)

    def _condition(self, word: str, expr: nodes.Expr) -> None:
        self.put(f"{word} (")
        self.expr(expr)
        self.put(") ")

    def visit_for_statement(self, node: nodes.ForStatement) -> None:
        self.put("for (")
        self._part(node.initializer)
        self.put("; ")
        self._part(node.condition)
        self.put("; ")
        self._part(node.increment)
        self.put(") ")
        self.visit(node.body)

    def _part(self, node: nodes.Node | None) -> None:
        if isinstance(node, nodes.VariableDeclaration):
            self._declaration(node)
        elif isinstance(node, nodes.VariableAssignment):
            self._assignment(node)
        elif node is not None:
            self.expr(node)

    def visit_for_in_statement(self, node: nodes.ForInStatement) -> None:
        key = f"{name_text(node.keyVar)}, " if node.keyVar is not None else ""
        self.put(f"for (let {key}{name_text(node.valueVar)} in ")
        self.expr(node.expr)
        self.put(") ")
        self.visit(node.body)

    def visit_try_catch_statement(self, node: nodes.TryCatchStatement) -> None:
        self.put("try ")
        self.visit(node.try_stmt)
        for name, kind, body in node.catches:
            self.put(" catch ")
            if name is not None:
                self.put(f"({name_text(name)}{': ' + name_text(kind) if kind is not None else ''}) ")
            self.visit(body)
        if node.finally_stmt is not None:
            self.put(" finally ")
            self.visit(node.finally_stmt)

    def visit_function(self, node: nodes.Function) -> None:
        self.put(f"fn {name_text(node.name)}")
        self.names(node.params)
        self.put(" ")
        self.visit(node.body)


def _ends_open(node: nodes.Node) -> bool:
    """Whether an `else` behind this statement would belong to an `if` at its end."""
    while True:
        if isinstance(node, nodes.IfStatement):
            if node.else_ is None:
                return True
            node = node.else_
        elif isinstance(node, nodes.WhileStatement | nodes.ForStatement | nodes.ForInStatement):
            node = node.body
        else:
            return False
