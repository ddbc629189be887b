"""The catalog: the value that tells the language which tables there are and what backs each.

The language fetches nothing. Whoever compiles hands in one `Catalog` for one project; a table that is not in it does
not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hedgerow.language.syntax import nodes


@dataclass(frozen=True, slots=True)
class PhysicalTable:
    """A table of the project's own database in the engine; `database` must be the catalog's."""

    database: str
    table: str


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """A table read in place by an engine's table function; every argument is bound, none is printed."""

    function: str
    """`s3`, `deltaLake`, …: from the printer's own list."""
    arguments: tuple[str, ...]
    structure: str = ""
    """`name Type, …` as the engine writes it; empty lets the engine infer."""
    double_quotes: bool = True
    """In CSV, they enclose values; without, they are part of them."""


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table of a remote, known by its `name` there. Its rows are fetched first: as it is, it is never printed."""

    name: str


class ViewTable:
    """A table that is a query: inlined where it is used. `tree` is parsed, not resolved.

    Give the tree, or what makes it: a catalog of thousands of views then parses those that a query uses, once each.
    """

    __slots__ = ("_given",)

    def __init__(self, tree: nodes.AnySelect | Callable[[], nodes.AnySelect]) -> None:
        self._given = tree

    @property
    def tree(self) -> nodes.AnySelect:
        if not isinstance(self._given, nodes.SelectQuery | nodes.SelectSetQuery):
            self._given = self._given()
        return self._given


Backing = PhysicalTable | FunctionTable | LiveTable | ViewTable


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: `name` as users write it, `type` as the engine does (`Nullable(Int64)`), `physical` in the backing."""

    name: str
    type: str
    physical: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class SavedJoin:
    """A join users may walk by name: `table.field_name.column`."""

    field_name: str
    joined_table: str
    source_key: str
    joined_key: str


@dataclass(frozen=True, slots=True)
class Table:
    """A name users can select from, dots allowed. `kind` is what the schema query reports."""

    name: str
    backing: Backing
    columns: tuple[TableColumn, ...] = ()
    id: str = ""
    kind: str = "data_warehouse"
    joins: tuple[SavedJoin, ...] = ()
    source: Mapping[str, object] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All that one project may read. `database` is the only one the printer will name.

    `hidden`: tables whose names others have taken, for this query. The project's views go on reading these.
    """

    project_id: int
    database: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    timezone: str = "UTC"
    hidden: Mapping[str, Table] = field(default_factory=dict)

    def find(self, name: str, *, own: bool = False) -> Table | None:
        """The table of that name; `own`: one that is hidden comes first."""
        return (self.hidden.get(name) if own else None) or self.tables.get(name)
