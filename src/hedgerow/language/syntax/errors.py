"""Syntax errors: what is wrong, where (offset, line, column), and what was expected."""

from hedgerow.kit.errors import InvalidInput


class SyntaxFault(InvalidInput):
    """The text is not of the language. `start` and `end` are character offsets; `line` and `column` count from 1."""

    def __init__(self, message: str, *, start: int = 0, end: int = 0, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.start, self.end, self.line, self.column = start, end, line, column
