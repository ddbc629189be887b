"""What a sync is to do: whole or by cursor, into which columns; and what becomes of a remote that has changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from hedgerow.connectors import RemoteTable
from hedgerow.connectors.types import arrow_type, engine_type, holds, widens, widest
from hedgerow.engine.base import Column
from hedgerow.kit.errors import InvalidInput
from hedgerow.sources.records import BY_CURSOR, Schema
from hedgerow.warehouse.records import TableRecord


class SchemaChanged(InvalidInput):
    """The remote's table is not what it was, and the schema's policy does not let the synced one follow."""

    code = "schema_changed"


@dataclass(frozen=True, slots=True)
class Target:
    """A column of the synced table. `remote`: whether its values come from the remote; else they are null.

    `lenient`: values that do not fit become null.
    """

    name: str
    type: str
    remote: bool = True
    lenient: bool = False

    @property
    def arrow(self) -> pa.DataType:
        return arrow_type(self.type)


@dataclass(frozen=True, slots=True)
class Plan:
    """`whole`: everything is read, into a new table of the columns `targets`. Else a clone gets `added`, `retyped`."""

    whole: bool
    targets: tuple[Target, ...]
    key: tuple[str, ...]
    added: tuple[Column, ...] = ()
    retyped: tuple[Column, ...] = ()

    @property
    def columns(self) -> list[Column]:
        return [Column(target.name, target.type) for target in self.targets]

    @property
    def asked(self) -> tuple[str, ...]:
        """What the remote is asked for."""
        return tuple(target.name for target in self.targets if target.remote)


@dataclass(frozen=True, slots=True)
class _Difference:
    """How the remote's columns differ from those that are synced; each with the old type and the new one."""

    added: Mapping[str, str]
    gone: tuple[str, ...]
    widened: Mapping[str, tuple[str, str]]
    changed: Mapping[str, tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.widened or self.changed)


def plan(schema: Schema, remote: RemoteTable, present: TableRecord | None) -> Plan:
    """What to do; raises `SchemaChanged` where the policy forbids it, `InvalidInput` for what can never be."""
    wanted, key = _wanted(schema, remote), _key(schema, remote)
    whole = present is None or schema.reset or schema.sync_type not in BY_CURSOR
    anew = Plan(True, tuple(Target(name, kind) for name, kind in wanted.items()), key)
    if present is None or schema.reset:
        return anew
    there = {column.name: column.clickhouse for column in present.columns}
    difference = _difference(there, wanted, widens if remote.found_out else holds)
    if difference and schema.evolution == "freeze":
        raise SchemaChanged(_told(schema, difference))
    if (set(key) | _units(schema, remote)) - set(there):
        return anew
    kept = _kept(there, difference, lenient=schema.evolution == "discard")
    if schema.evolution == "discard":
        return Plan(whole, kept, key, (), () if whole else _retyped(difference))
    # An incompatible type, or another type of the key that rows are ordered by: all rows are read again.
    if whole or difference.changed or set(difference.widened) & set(key):
        return anew
    added = tuple(Column(name, kind) for name, kind in difference.added.items())
    targets = (*kept, *(Target(name, kind) for name, kind in difference.added.items()))
    return Plan(False, targets, key, added, _retyped(difference))


def settled(schema: Schema, remote: RemoteTable, present: TableRecord | None) -> RemoteTable:
    """The remote's table, where its types were found out: with those of the rows that stay, or wider ones.

    What values show changes with the values that are there; rows that came from others would have to be read again,
    and may be there no more.
    """
    if not remote.found_out or present is None or schema.reset or schema.sync_type not in BY_CURSOR:
        return remote
    there = {column.name: column.clickhouse for column in present.columns}
    columns = []
    for column in remote.columns:
        was, kind = there.get(column.name), engine_type(column.arrow_type)
        wide = kind if was in (None, kind) else widest(was or kind, kind)
        columns.append(column if wide == kind else replace(column, arrow_type=arrow_type(wide)))
    return replace(remote, columns=tuple(columns))


def _wanted(schema: Schema, remote: RemoteTable) -> dict[str, str]:
    """The remote's columns that are synced, with their types here."""
    chosen = None if schema.enabled_columns is None else {*schema.enabled_columns, *_key(schema, remote)}
    if chosen is not None and schema.sync_type in BY_CURSOR and schema.incremental_field:
        chosen |= {schema.incremental_field} | _units(schema, remote)
    columns = [c for c in remote.columns if chosen is None or c.name in chosen]
    if not columns:
        raise InvalidInput(f"Table {remote.name} has no columns to sync.")
    _check_names(remote.name, [column.name for column in columns])
    return {column.name: engine_type(column.arrow_type) for column in columns}


def _units(schema: Schema, remote: RemoteTable) -> set[str]:
    """The column that tells which rows are there already, where whole files of them come."""
    cursor = remote.cursor(schema.incremental_field or "") if schema.sync_type in BY_CURSOR else None
    return {cursor.unit} if cursor is not None and cursor.unit else set()


def _check_names(table: str, names: Sequence[str]) -> None:
    if "" in names:
        raise InvalidInput(f"Table {table} has a column without a name.")


def _key(schema: Schema, remote: RemoteTable) -> tuple[str, ...]:
    key = tuple(schema.primary_key_columns or remote.primary_key)
    there = {column.name for column in remote.columns}
    if schema.sync_type == "incremental" and (not key or set(key) - there):
        lost = ", ".join(name for name in key if name not in there)
        what = f"lost {lost} of its primary key" if lost else "no primary key any more"
        raise SchemaChanged(f"Table {remote.name} has {what}. Sync it as append or full_refresh, or name another key.")
    return key if not set(key) - there else ()


def _difference(there: Mapping[str, str], wanted: Mapping[str, str], fits: Callable[[str, str], bool]) -> _Difference:
    common = {name: (there[name], kind) for name, kind in wanted.items() if name in there}
    wider = {name: pair for name, pair in common.items() if not fits(pair[0], pair[1])}
    widened = {name: pair for name, pair in wider.items() if fits(pair[1], pair[0])}
    return _Difference(
        {name: kind for name, kind in wanted.items() if name not in there},
        tuple(name for name in there if name not in wanted),
        widened,
        {name: pair for name, pair in wider.items() if name not in widened},
    )


def _kept(there: Mapping[str, str], difference: _Difference, *, lenient: bool) -> tuple[Target, ...]:
    targets = []
    for name, kind in there.items():
        target = Target(name, kind, remote=name not in difference.gone)
        if name in difference.widened:
            target = replace(target, type=difference.widened[name][1])
        targets.append(replace(target, lenient=lenient and name in difference.changed))
    return tuple(targets)


def _retyped(difference: _Difference) -> tuple[Column, ...]:
    return tuple(Column(name, new) for name, (_, new) in difference.widened.items())


def _told(schema: Schema, difference: _Difference) -> str:
    parts = [f"column {name} went from {old} to {new}" for name, (old, new) in _pairs(difference)]
    parts += [f"column {name} ({kind}) is new" for name, kind in difference.added.items()]
    parts += [f"column {name} is gone" for name in difference.gone]
    return (
        f"Table {schema.name} has changed: {'; '.join(parts)}. Its schema is frozen: "
        "set evolution to evolve or discard, or resync it to take the table as it is now."
    )


def _pairs(difference: _Difference) -> list[tuple[str, Any]]:
    return [*difference.changed.items(), *difference.widened.items()]
