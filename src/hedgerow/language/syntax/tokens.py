"""Tokens: what the lexer hands to the parser, as parallel lists."""

from dataclasses import dataclass, field

# Kinds of token. A word is an identifier or a keyword: which of the two only the parser knows.
WORD = "word"
QUOTED = "quoted identifier"
NUMBER = "number"
STRING = "string"
OPERATOR = "operator"
TEXT = "text"
TEMPLATE = "template string"
TEMPLATE_END = "end of template string"
TAG = "tag"
END = "end of input"


@dataclass(slots=True)
class Tokens:
    """Parallel lists, one entry per token, an `END` at the end.

    `words`: what the parser compares: a keyword or identifier in lower case, an operator as it stands, "" for all else.
    `values`: an identifier as written, a string unescaped, a number's text.
    """

    text: str
    kinds: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, kind: str, word: str, value: str, start: int, end: int) -> None:
        self.kinds.append(kind)
        self.words.append(word)
        self.values.append(value)
        self.starts.append(start)
        self.ends.append(end)
