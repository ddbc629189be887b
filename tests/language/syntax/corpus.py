"""The corpus of the syntax tests: one text a line, `\\n` for a line's end, a file for each kind of text."""

from collections.abc import Callable
from pathlib import Path

from hedgerow.language.syntax import parser
from hedgerow.language.syntax.nodes import Node

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "syntax"
PARSE: dict[str, Callable[[str], Node]] = {
    "select": parser.parse_select,
    "expr": parser.parse_expr,
    "program": parser.parse_program,
    "template": parser.parse_template,
}


def _unescaped(line: str) -> str:
    return line.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")


CORPUS = [
    (path.stem, _unescaped(line))
    for path in sorted(_FIXTURES.glob("*.txt"))
    for line in path.read_text().split("\n")[:-1]
]
DIFFERENT = {
    (kind, _unescaped(text)): reason
    for kind, text, reason in (line.split("\t") for line in (_FIXTURES / "differences.tsv").read_text().splitlines())
}
"""Texts whose trees differ from the published parser's on purpose, with the reason."""
