"""Answers a query from the tables it was split into: the pass that puts them in the place of what they hold."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.language.query.materializing.aggregation import Aggregation
from hedgerow.language.query.materializing.cores import cores
from hedgerow.language.query.materializing.pieces import Piece, names_of
from hedgerow.language.query.materializing.planning import source
from hedgerow.language.query.materializing.ranges import Edge, cut
from hedgerow.language.query.materializing.reading import Reading, read_core
from hedgerow.language.query.materializing.reasons import NotExact, NotServable
from hedgerow.language.query.materializing.rewriting import StatesImpossible
from hedgerow.language.query.print_hogql import print_hogql
from hedgerow.language.query.resolved import ColumnRef
from hedgerow.language.syntax import nodes


@dataclass(frozen=True, slots=True)
class Served:
    """A piece and the physical table that holds it."""

    piece: Piece
    physical: str


@dataclass(frozen=True, slots=True)
class Tables:
    """What a query can be answered from. `outputs`: what the query's own answer calls its columns."""

    served: Sequence[Served]
    outputs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fringe:
    """The edges of what one table answers; `read`: rows are read beside it, as one of them cuts a bucket."""

    edges: tuple[Edge, ...]
    read: bool

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether it is the same with other values."""
        return cut(self.edges, values) == self.read


def read_tables(
    tree: nodes.AnySelect, tables: Tables, catalog: Catalog, values: Mapping[str, object]
) -> tuple[Catalog, tuple[Fringe, ...]]:
    """Rewrite a resolved query in place; the catalog with the tables in it. Raises `NotServable`."""
    found = cores(tree)
    if [source(core) for core in found] != [one.piece.source for one in tables.served]:
        raise NotServable("the query's tables or fixed filters are not those the tables were made from")
    added: dict[str, Table] = {}
    fringes: list[Fringe] = []
    for core, one in zip(found, tables.served, strict=True):
        table = added[one.piece.name] = _table(one, catalog.database)
        try:
            edges = read_core(core, Reading(_Kept(one.piece), one.piece.ranges, table, values), one.piece.mode)
        except (NotExact, StatesImpossible) as error:
            raise NotServable(f"the tables do not hold what these values need: {error}") from error
        fringes.append(Fringe(tuple(edges), cut(edges, values)))
        if core.outermost and tables.outputs:
            _name(core.select, tables.outputs)
    return replace(catalog, tables=ChainMap(added, dict(catalog.tables))), tuple(fringes)


class _Kept:
    """The columns of a piece, found by the text of what they hold."""

    def __init__(self, piece: Piece) -> None:
        self._name, self._types = piece.name, piece.types
        self._keys = {key.text: key.name for key in piece.keys}
        self._states = {state.text: state.name for state in piece.states}
        self._used_keys: dict[str, nodes.Expr] = {}
        self._used_states: dict[str, nodes.Expr] = {}

    def key(self, expr: nodes.Expr) -> ColumnRef | None:
        name = self._keys.get(print_hogql(expr))
        if name is None:
            return None
        self._used_keys.setdefault(name, expr)
        return ColumnRef(self._name, name, self._types.get(name, ""))

    def state(self, call: nodes.Call, aggregation: Aggregation) -> ColumnRef:
        name = self._states.get(print_hogql(aggregation.call))
        if name is None:
            raise NotExact("state_not_kept", f"the table has no states of {print_hogql(call)}", call)
        self._used_states.setdefault(name, aggregation.call)
        return ColumnRef(self._name, name, self._types.get(name, ""))

    def rows(self) -> tuple[list[nodes.Alias], list[nodes.Alias]]:
        keys = [nodes.Alias(name, expr) for name, expr in self._used_keys.items()]
        return keys, [nodes.Alias(name, expr) for name, expr in self._used_states.items()]


def _table(one: Served, database: str) -> Table:
    piece = one.piece
    columns = tuple(TableColumn(name, piece.types.get(name, ""), name) for name in names_of(piece))
    return Table(piece.name, PhysicalTable(database, one.physical), columns, kind="materialized")


def _name(select: nodes.SelectQuery, outputs: Sequence[str]) -> None:
    """Call the columns what the query's own answer calls them."""
    if len(outputs) != len(select.select) or len(set(outputs)) != len(outputs):
        raise NotServable("the columns cannot be named as the query names them")
    select.select = [
        item if isinstance(item, nodes.Alias) else nodes.Alias(name, item, hidden=True)
        for item, name in zip(select.select, outputs, strict=True)
    ]
