"""The shelf of the log: lines and sums in by the batch, pages out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Table, delete, select, text
from sqlalchemy.orm import Session

from hedgerow.endpoints.journal.rows import USAGE, LogRow
from hedgerow.endpoints.journal.sums import HOUR
from hedgerow.endpoints.journal.wording import Line
from hedgerow.store import Store

LEVELS = ("DEBUG", "LOG", "INFO", "WARN", "ERROR")
_AT_ONCE = 2_000
_KEYS = 6


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are wanted; what is `None` or empty is not asked. `after` and `before` are left out themselves."""

    limit: int
    after: datetime | None = None
    before: datetime | None = None
    levels: Sequence[str] = ()
    search: str = ""
    instance_id: str | None = None
    version: int | None = None
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """A `Sink` into the metadata store."""

    store: Store

    def write(self, lines: Sequence[Line], sums: Sequence[Sequence[int | str]]) -> None:
        """Keep lines, and rows of `Sums.take`, in one transaction."""
        with self.store.write() as session:
            add(session, lines)
            count(session, sums)


def add(session: Session, lines: Iterable[Line]) -> None:
    """Keep lines."""
    table = LogRow.__table__
    assert isinstance(table, Table)
    names = [column.name for column in table.columns if column.name != "id"]
    _insert(session, table, names, [[line[name] for name in names] for line in lines])


def count(session: Session, sums: Sequence[Sequence[int | str]]) -> None:
    """Add sums to those that are there."""
    names = [column.name for column in USAGE.columns]
    summed = names[_KEYS:]
    added = ", ".join(f"{name} = {USAGE.name}.{name} + excluded.{name}" for name in summed)
    keys = ", ".join(column.name for column in USAGE.primary_key)
    _insert(session, USAGE, names, sums, f" ON CONFLICT ({keys}) DO UPDATE SET {added}")


def _insert(
    session: Session, table: Table, names: Sequence[str], rows: Sequence[Sequence[Any]], then: str = ""
) -> None:
    """Many rows in one statement."""
    if rows:
        into = f"INSERT INTO {table.name} ({', '.join(names)})"
        content = orjson.dumps(rows).decode()
        session.execute(text(f"{into} SELECT {_selected(session, table, names)}{then}"), {"content": content})


def _selected(session: Session, table: Table, names: Sequence[str]) -> str:
    """What of the JSON array `:content` of arrays goes into those columns: the rest of a SELECT.

    One bound text for all rows: the database takes it apart, and Python's other threads go on meanwhile.
    """
    if session.get_bind().dialect.name == "sqlite":
        values = ", ".join(f"json_extract(j.value, '$[{place}]')" for place in range(len(names)))
        return f"{values} FROM json_each(:content) AS j WHERE true"
    dialect = session.get_bind().dialect
    types = [table.columns[name].type.compile(dialect) for name in names]
    values = ", ".join(f"CAST(j.value ->> {place} AS {kind})" for place, kind in enumerate(types))
    return f"{values} FROM jsonb_array_elements(CAST(:content AS jsonb)) AS j(value)"


def page(session: Session, endpoint_id: UUID, wanted: Wanted) -> list[LogRow]:
    """The newest lines that are wanted, the newest first."""
    chosen = select(LogRow).where(LogRow.endpoint_id == endpoint_id, *_rules(wanted))
    return list(session.scalars(chosen.order_by(LogRow.at.desc(), LogRow.id.desc()).limit(wanted.limit)))


def _rules(wanted: Wanted) -> list[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if wanted.after is not None:
        rules.append(LogRow.at > micros(wanted.after))
    if wanted.before is not None:
        rules.append(LogRow.at < micros(wanted.before))
    if wanted.levels:
        rules.append(LogRow.level.in_(wanted.levels))
    if wanted.search:
        rules.append(LogRow.message.icontains(wanted.search, autoescape=True))
    exact: dict[Any, Any] = {
        LogRow.instance_id: wanted.instance_id,
        LogRow.version: wanted.version,
        LogRow.caller: wanted.caller,
    }
    return [*rules, *(column == value for column, value in exact.items() if value is not None)]


def micros(instant: datetime) -> int:
    """Microseconds since 1970, as the log counts."""
    return int(instant.timestamp() * 1e6)


def forget_before(session: Session, instant: datetime) -> int:
    """Delete some lines older than `instant`; how many, 0 when none is left."""
    return _forget(session, LogRow.at < micros(instant))


def forget_beyond(session: Session, endpoint_id: UUID, most: int) -> int:
    """Delete some lines of an endpoint older than its newest `most`; how many, 0 when none is left."""
    newest = select(LogRow.at).where(LogRow.endpoint_id == endpoint_id).order_by(LogRow.at.desc())
    last = session.scalar(newest.offset(most).limit(1))
    return 0 if last is None else _forget(session, LogRow.endpoint_id == endpoint_id, LogRow.at <= last)


def forget_sums_before(session: Session, instant: datetime) -> int:
    """Delete sums of hours before `instant`; how many rows."""
    done = session.execute(delete(USAGE).where(USAGE.c.hour < int(instant.timestamp()) // HOUR))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _forget(session: Session, *rules: ColumnElement[bool]) -> int:
    some = select(LogRow.id).where(*rules).limit(_AT_ONCE)
    done = session.execute(delete(LogRow).where(LogRow.id.in_(some)))
    return int(done.rowcount)  # type: ignore[attr-defined]
