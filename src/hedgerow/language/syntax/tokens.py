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

LITERALS = frozenset("true false null inf infinity nan".split())
"""Words that are values, and so never names."""

NEVER_AN_ALIAS = LITERALS | frozenset(
    (
        "and anti any as asc ascending asof between by case cast collate cross cube desc descending distinct else end "
        "except filter following for from full group having ilike in inner intersect interpolate interval is join like "
        "limit natural not nulls offset on or order outer over partition positional preceding prewhere qualify range "
        "right rollup rows sample select semi settings then trim union using values when where window with within"
    ).split()
)
"""Words that may not stand behind a value or a table as its name without AS."""


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
