"""What names become once they are resolved: nodes that only passes make and only printers read."""

from __future__ import annotations

from dataclasses import dataclass, field

from hedgerow.language.query.catalog import Table
from hedgerow.language.syntax import nodes


@dataclass(slots=True)
class VariableValue(nodes.Constant):
    """A constant that came from `{variables.name}`: bound under the variable's name, so that it can be bound anew."""

    variable: str = ""


@dataclass(slots=True)
class TableRef(nodes.Expr):
    """A table of the catalog. `guarded` is set by the guard alone."""

    table: Table
    guarded: bool = False


@dataclass(slots=True)
class FunctionRef(nodes.Expr):
    """A table function that reads nothing stored, such as `numbers`."""

    name: str
    args: list[nodes.Expr] = field(default_factory=list)


@dataclass(slots=True)
class CteRef(nodes.Expr):
    """A common table expression of this query."""

    name: str


@dataclass(slots=True)
class ColumnRef(nodes.Expr):
    """A column of a table in scope; `source` is the name the table has in the text."""

    source: str
    name: str
    type: str = ""
    origin: tuple[tuple[str, str], ...] = ()
    """Table and column it comes from, for lineage."""
    shown: str = ""
    """What an answer calls it, where a star stands for it."""


@dataclass(slots=True)
class NameRef(nodes.Expr):
    """An alias of this SELECT, a column CTE, or a lambda's argument."""

    name: str
    type: str = ""
    nullable: bool = True


@dataclass(slots=True)
class PropertyRef(nodes.Expr):
    """A path into a column. `kind`: `text` (JSON in a string), `json`, `map` or `tuple`."""

    base: nodes.Expr
    path: list[str | int | VariableValue]
    kind: str
