"""Tables read in the order of their primary key, which is the order they lie in: a read goes on behind a key.

Rows that were changed in between are those beyond the highest value that the cursor had when the first read began.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from hedgerow.connectors.mysql.catalog import MySqlTable
from hedgerow.connectors.resuming import Moved, Onward, Place, Step

_MADE = (
    "SELECT CREATE_TIME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {{schema}} AND TABLE_NAME = {} "
    "AND ENGINE = 'InnoDB' AND TABLE_TYPE = 'BASE TABLE'"
)
_ORDERED = "FORCE INDEX (PRIMARY) {} ORDER BY {}"

Answers = Callable[[str], Sequence[Sequence[str | None]]]
"""Rows of a statement in which `{schema}` stands for the database, as text."""
Some = Callable[[str], Iterator[pa.RecordBatch]]
"""Batches of the rows that what follows the table's name in a statement chooses."""


@dataclass(frozen=True, slots=True)
class Names:
    """How a statement names things, and writes values."""

    table: str
    quoted: Callable[[str], str]
    escaped: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Keyed:
    """One read. `made` is when the table was made, or written anew; `floor` the highest value of the cursor."""

    key: str
    cursor: str
    inclusive: bool
    exact: bool
    made: str
    floor: str
    names: Names

    def steps(self, some: Some, onward: Onward) -> Iterator[Step]:
        """All rows, or those behind the place and those that were changed; raises `Moved`."""
        place, behind, floor = onward.place, "", self.floor
        if place is not None:
            if (place["made"], place["key"], place["cursor"]) != (self.made, self.key, self.cursor):
                raise Moved("The table was made or written anew.")
            floor = place["floor"]
            yield from (Step(batch, changed=True) for batch in some(f"WHERE {self._beyond(floor)}"))
            name = self.names.quoted(self.cursor)
            older = f"({name} IS NULL OR NOT {self._beyond(floor)})"
            behind = f"WHERE {self.names.quoted(self.key)} > {int(place['last'])} AND {older}"
        for batch in some(_ORDERED.format(behind, self.names.quoted(self.key))):
            last = batch.column(self.key)[-1].as_py()
            yield Step(batch)
            if onward.due():
                yield Step(None, self._place(last, floor))

    def _beyond(self, floor: str) -> str:
        value = str(int(floor)) if self.exact else self.names.escaped(floor)
        return f"{self.names.quoted(self.cursor)} {'>=' if self.inclusive else '>'} {value}"

    def _place(self, last: int, floor: str) -> Place:
        return {"made": self.made, "key": self.key, "cursor": self.cursor, "last": last, "floor": floor}


def keyed(answers: Answers, table: MySqlTable, cursor: str | None, names: Names) -> Keyed | None:
    """A read of a table by its key, which must be one whole number; it begins a
    transaction that shows one moment. `None` where the table cannot be read so."""
    found = table.remote.cursor(cursor or "")
    if found is None or not _whole_key(table):
        return None
    made = answers(_MADE.format(names.escaped(table.remote.name)))
    if not made or made[0][0] is None:
        return None
    answers("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    answers("START TRANSACTION READ ONLY")
    # The first look at the table: from here on it has one moment, and nobody can alter it.
    ((floor,),) = answers(f"SELECT MAX({names.quoted(found.field)}) FROM {names.table}")
    if floor is None:
        answers("COMMIT")
        return None
    exact = pa.types.is_integer(table.types[found.field].arrow)
    return Keyed(table.remote.primary_key[0], found.field, found.inclusive, exact, made[0][0], floor, names)


def _whole_key(table: MySqlTable) -> bool:
    key = table.remote.primary_key
    return len(key) == 1 and pa.types.is_integer(table.types[key[0]].arrow)
