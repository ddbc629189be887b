"""What every part of the formatter shares: names, strings, numbers, brackets where binding power asks for them."""

import math
import re
from collections.abc import Callable, Iterable, Sequence

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import Dispatcher

_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_RESERVED = frozenset(
    (
        "all and anti any array as asc ascending asof between both by case cast catch cohort collate columns cross "
        "cube current desc descending distinct else end except exclude false fill final finally fn following for from "
        "full fun global group grouping having if ignore ilike in include inf infinity inner intersect interpolate "
        "interval is join lambda leading left let like limit natural nan not null nulls offset on or order outer over "
        "partition pivot positional preceding prewhere qualify range recursive return right rollup row rows sample "
        "select semi settings sets step then throw ties to top totals trailing trim true try try_cast unbounded union "
        "unpivot using values when where while window with within"
    ).split()
)
_QUOTED_CALLS = frozenset(
    (
        "case columns distinct fn for from fun inf infinity interval lambda let nan null order pivot return select "
        "throw try unpivot values while with"
    ).split()
)
_QUOTED_BEFORE_ALIAS = _QUOTED_CALLS | {"cast", "try_cast"}


def name_text(name: str) -> str:
    """A name as an identifier, between backquotes where it could be read as something else."""
    if _PLAIN_NAME.match(name) and name.lower() not in _RESERVED:
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "``") + "`"


def call_text(name: str, aliased: bool = False) -> str:
    """The name of a function: only few words mean something else in front of a bracket.

    `aliased`: the first argument has an alias, as the subject of a cast seems to have.
    """
    if _PLAIN_NAME.match(name) and name.lower() not in (_QUOTED_BEFORE_ALIAS if aliased else _QUOTED_CALLS):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "``") + "`"


def string_text(value: str) -> str:
    """A string between single quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def value_text(value: object) -> str:
    """A constant."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, str):
        return string_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(value_text, value)) + ("," if len(value) == 1 else "") + ")"
    return str(value)


class Writing(Dispatcher[None]):
    """Writes pieces of text; `expr` adds brackets, `text` joins the pieces."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.put: Callable[[str], None] = self.pieces.append

    def text(self) -> str:
        return "".join(self.pieces)

    def expr(self, node: nodes.Node, least: int = 0) -> None:
        """Write an expression, between brackets when it binds looser than `least`."""
        if self.power(node) >= least:
            self.visit(node)
            return
        self.put("(")
        self.visit(node)
        self.put(")")

    def power(self, node: nodes.Node) -> int:
        """How tight an expression holds together."""
        raise NotImplementedError

    def each(self, exprs: Iterable[nodes.Node], least: int = 0) -> None:
        """Expressions with commas between."""
        for place, one in enumerate(exprs):
            if place:
                self.put(", ")
            self.expr(one, least)

    def brackets(self, exprs: Iterable[nodes.Node]) -> None:
        self.put("(")
        self.each(exprs)
        self.put(")")

    def names(self, names: Sequence[str]) -> None:
        """Identifiers between brackets."""
        self.put("(" + ", ".join(map(name_text, names)) + ")")

    def clause(self, word: str, expr: nodes.Node | None, least: int = 0) -> None:
        """` WORD expr`, nothing without an expression."""
        if expr is not None:
            self.put(f" {word} ")
            self.expr(expr, least)

    def clause_list(self, word: str, exprs: Sequence[nodes.Node] | None) -> None:
        """` WORD a, b`, nothing without expressions."""
        if exprs:
            self.put(f" {word} ")
            self.each(exprs)
