"""A table of all changes: what its rows are marked with, and how the first ones are made of a table that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.engine.statements import quoted
from hedgerow.kit.errors import InvalidInput
from hedgerow.materialize import Tables
from hedgerow.sources.records import Schema
from hedgerow.warehouse.catalog import database

_MOMENT = "DateTime64(6, 'UTC')"
OP, POSITION, TIME = "_ph_cdc_op", "_ph_cdc_log_position", "_ph_cdc_timestamp"
DELETED, DELETED_AT = "_ph_deleted", "_ph_deleted_at"
VALID_FROM, VALID_TO = "valid_from", "valid_to"
OPEN = "_hedgerow_open"
"""Whether a row is the last of its key: not shown. Where rows are on their way, 2 is one that was until now."""
MARKS = (
    Column(OP, "String"),
    Column(POSITION, "Nullable(String)"),
    Column(TIME, _MOMENT),
    Column(DELETED, "Bool"),
    Column(DELETED_AT, f"Nullable({_MOMENT})"),
    Column(VALID_FROM, _MOMENT),
    Column(VALID_TO, f"Nullable({_MOMENT})"),
)
_OPEN = Column(OPEN, "UInt8")
_MARKED = frozenset(mark.name for mark in MARKS)
# Before all that a log tells: the rows were there when the table was read, nobody knows since when.
_FIRST = "toDateTime64(0, 6, 'UTC')"


@dataclass(frozen=True, slots=True)
class Seeded:
    """A table of all changes that is not served yet. `columns` are those that are shown."""

    physical: str
    columns: tuple[Column, ...]
    rows: int
    bytes_on_disk: int


def position_text(lsn: int) -> str:
    """A place in the log as its database reads it, in digits enough for texts to be in the log's order."""
    return f"{lsn >> 32:08X}/{lsn & 0xFFFFFFFF:08X}"


def own(columns: Sequence[Column]) -> list[Column]:
    """The remote's among the columns of a table of changes."""
    return [column for column in columns if column.name not in _MARKED and column.name != OPEN]


def physical(shown: Sequence[Column]) -> list[Column]:
    """Those that are shown and those that are not, in the physical table's order."""
    found = []
    for column in shown:
        found += [column, _OPEN] if column.name == VALID_TO else [column]
    return found


@dataclass(frozen=True, slots=True)
class Seeding:
    """Makes the first rows of a table of changes."""

    engine: Engine
    tables: Tables

    async def seed(self, schema: Schema, source: str, columns: Sequence[Column]) -> Seeded:
        """A table in which each row of the physical table `source` was inserted before all that comes.

        It is the caller's to publish or to discard. Raises `InvalidInput` where the remote has a column of such a name.
        """
        if taken := sorted(_MARKED & {column.name for column in columns}):
            text = f"Table {schema.name} has a column {', '.join(taken)}, as its table of changes does."
            raise InvalidInput(f"{text} Let its cdc_table_mode be consolidated.", attr="cdc_table_mode")
        shown, home = (*columns, *MARKS), database(schema.project_id)
        make = partial(self._make, home, physical(shown), schema.key)
        names = ", ".join(quoted(column.name) for column in columns)
        sql = (
            f"SELECT {names}, 'I', NULL, {_FIRST}, false, NULL, {_FIRST}, NULL, 1 FROM {quoted(home)}.{quoted(source)}"
        )
        async with self.tables.making(schema.project_id, make) as made:
            tag = f"{home}:changes:{uuid4().hex}"
            await self.engine.insert_query(home, made, Query(sql, {}, Limits(None, None, None), tag))
            size = await self.engine.size(home, made)
            return Seeded(made, shown, size.rows, size.bytes_on_disk)

    async def _make(self, home: str, columns: Sequence[Column], key: Sequence[str], made: str) -> None:
        await self.engine.create_table(home, made, columns, key)
