"""What a change of a table's columns asks for: columns added in place, values left out, or a fresh read."""

from collections.abc import Mapping
from dataclasses import dataclass

from hedgerow.connectors.changes import LoggedTable
from hedgerow.connectors.types import engine_type, holds
from hedgerow.engine.base import Column
from hedgerow.sources.records import Schema
from hedgerow.sources.sync.planning import Target

_FROZEN = "Its schema is frozen: set evolution to evolve or discard, and resync it."
_TEXTS = ("text", "character varying", "varchar")


class ReadAnew(Exception):
    """The rows that are there have values that never come as changes: the table is to be read whole."""


class Frozen(Exception):
    """The policy does not let the table follow; the text says what has changed."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns to write, those to add and to widen first, and all logged columns with the remote's types."""

    targets: tuple[Target, ...]
    added: tuple[Column, ...]
    retyped: tuple[Column, ...]
    columns: Mapping[str, str]

    @property
    def reshaped(self) -> bool:
        """Whether the table's columns become others."""
        return bool(self.added or self.retyped)


def shape(schema: Schema, known: Mapping[str, str], there: Mapping[str, str], table: LoggedTable) -> Shape:
    """How a table's changes are written; `known` are its columns as last seen, `there` those of the synced table."""
    found = {column.name: column.remote_type for column in table.columns}
    chosen = None if schema.enabled_columns is None else {*schema.enabled_columns, *schema.key}
    wanted = {c.name: engine_type(c.arrow_type) for c in table.columns if chosen is None or c.name in chosen}
    added = [name for name in wanted if name not in known]
    gone = [name for name in known if name not in found]
    changed = [name for name in wanted if name in known and not _same(known[name], found[name])]
    if schema.evolution == "freeze" and (added or gone or changed):
        raise Frozen(_told(schema.name, known, found, (added, gone, changed)))
    discard = schema.evolution == "discard"
    # Values may have been rewritten with a type, or belong to a column of another name: no change tells of that.
    if not discard and (changed or (added and (gone or set(added) - table.plain))):
        raise ReadAnew
    narrow = {name for name, kind in wanted.items() if name in there and not holds(there[name], kind)}
    if narrow and (not discard or narrow & set(schema.key)):  # a column that was gone came back as another
        raise ReadAnew
    wider = {name for name in narrow if holds(wanted[name], there[name])}
    new = tuple(Column(name, wanted[name]) for name in added if not discard and name not in there)
    retyped = tuple(Column(name, wanted[name]) for name in there if name in wider)
    kinds = {**there, **{column.name: column.type for column in (*retyped, *new)}}
    targets = [Target(name, kind, name in wanted, name in narrow - wider) for name, kind in kinds.items()]
    return Shape(tuple(targets), new, retyped, found)


def _same(before: str, now: str) -> bool:
    """Whether a type is the same, or another length of text."""
    return before == now or (before.startswith(_TEXTS) and now.startswith(_TEXTS))


def _told(
    table: str, known: Mapping[str, str], found: Mapping[str, str], difference: tuple[list[str], list[str], list[str]]
) -> str:
    added, gone, changed = difference
    parts = [f"column {name} went from {known[name]} to {found[name]}" for name in changed]
    parts += [f"column {name} ({found[name]}) is new" for name in added]
    parts += [f"column {name} is gone" for name in gone]
    return f"Table {table} has changed: {'; '.join(parts)}. {_FROZEN}"
