"""Syntax errors: what is wrong, where (offset, line, column), and what was expected."""

from hedgerow.kit.errors import InvalidInput


class SyntaxFault(InvalidInput):
    """The text is not of the language. `start`, `end`: offsets in characters; `line`, `column` count from 1."""

    def __init__(self, message: str, *, start: int = 0, end: int = 0, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.start, self.end, self.line, self.column = start, end, line, column


def fault_at(text: str, message: str, start: int, end: int) -> SyntaxFault:
    """A fault that says where: `message (line 2, column 7)`."""
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return SyntaxFault(f"{message} (line {line}, column {column})", start=start, end=end, line=line, column=column)
