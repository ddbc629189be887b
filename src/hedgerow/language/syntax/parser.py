"""The parser's face: text to trees, or a `SyntaxFault` that says where and what was expected."""

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.depth import make_room
from hedgerow.language.syntax.lexer import lex, lex_template
from hedgerow.language.syntax.statements import Statements
from hedgerow.language.syntax.tokens import END

make_room()


def parse_select(text: str) -> nodes.AnySelect | nodes.Placeholder | nodes.HogQLXTag:
    """A whole query; a semicolon may end it. A lone placeholder or tag stands for one."""
    parser = Statements(lex(text))
    made = parser.select_set()
    parser.take(";")
    parser.finish()
    return made


def parse_expr(text: str) -> nodes.Expr:
    """One expression."""
    parser = Statements(lex(text))
    made = parser.expression()
    parser.finish()
    return made


def parse_program(text: str) -> nodes.Program:
    """A program: statements one after the other."""
    parser = Statements(lex(text))
    made = parser.program()
    parser.finish()
    return made


def parse_template(text: str) -> nodes.Expr:
    """A text in which `{…}` holds expressions; `\\{` is a brace."""
    parser = Statements(lex_template(text))
    return parser.template_parts(END)
