"""Scopes: which names a part of a query can see."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from hedgerow.language.query.catalog import SavedJoin, Table
from hedgerow.language.query.types import absent
from hedgerow.language.syntax import nodes


@dataclass(slots=True)
class SeenColumn:
    """A column by its visible name: its name in the source, its type, where it comes from."""

    physical: str
    type: str = ""
    origin: tuple[tuple[str, str], ...] = ()
    hidden: bool = False
    shown: str = ""
    """What an answer calls it, where that is not the name it can be asked by."""


@dataclass(slots=True)
class Relation:
    """Rows with named columns: a table, a sub-query, a CTE. `open`: it may have columns that are not known."""

    columns: dict[str, SeenColumn]
    table: Table | None = None
    open: bool = False
    reads: int = 0
    """Tables read by each use, for a common table expression."""

    def maybe_absent(self) -> "Relation":
        """The same where a join may find no row: every column may be NULL."""
        columns = {key: replace(column, type=absent(column.type)) for key, column in self.columns.items()}
        return Relation(columns, self.table, self.open)

    @property
    def joins(self) -> Mapping[str, SavedJoin]:
        return {join.field_name: join for join in self.table.joins} if self.table else {}


@dataclass(slots=True)
class Scope:
    """The names of one SELECT, and of those around it by `parent` (for CTEs only)."""

    parent: "Scope | None" = None
    sources: dict[str, Relation] = field(default_factory=dict)
    aliases: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Alias → type and whether it may be NULL."""
    alias_exprs: dict[str, nodes.Expr] = field(default_factory=dict)
    ctes: dict[str, Relation] = field(default_factory=dict)
    lambdas: list[set[str]] = field(default_factory=list)
    windows: frozenset[str] = frozenset()
    walked: dict[str, tuple[nodes.JoinExpr, Relation]] = field(default_factory=dict)
    """Saved joins that this SELECT walks by name, by the alias each got."""
    using: set[str] = field(default_factory=set)

    aggregated: set[str] = field(default_factory=set)
    """Aliases of values that are made of many rows."""
    _rowwise: bool = False

    @contextmanager
    def of_rows(self, rowwise: bool) -> Iterator[None]:
        """Within: names stand for single rows' values, so that no alias of an aggregation can be meant."""
        before, self._rowwise = self._rowwise, self._rowwise or rowwise
        yield
        self._rowwise = before

    def prefers_column(self, name: str) -> bool:
        """Whether a column of that name goes before the alias."""
        return self._rowwise and name in self.aggregated and next(self.holders(name), None) is not None

    def find_cte(self, name: str) -> Relation | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.parent
        return None

    def is_argument(self, name: str) -> bool:
        return any(name in names for names in self.lambdas)

    def holders(self, name: str) -> Iterator[tuple[str, Relation]]:
        """The sources that have a column of that name."""
        for source, relation in self.sources.items():
            if name in relation.columns or name in relation.joins:
                yield source, relation
