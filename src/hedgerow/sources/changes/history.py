"""Applies changes to a table of all changes: each adds a row, and ends the time of the row that was its key's last."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from hedgerow.engine.base import Bound
from hedgerow.engine.statements import quoted
from hedgerow.sources.changes.applying import Applying, Incomplete, RowMissing, Since, Working, rows_of
from hedgerow.sources.changes.gathering import Deed, Key, TableChanges
from hedgerow.sources.changes.shaping import Shape
from hedgerow.sources.logs import marks
from hedgerow.sources.sync.planning import Target

_INSTANT = pa.timestamp("us", "UTC")
_LAST, _NOW = f"{quoted(marks.OPEN)} = 1", "fromUnixTimestamp64Micro({at:Int64}, 'UTC')"


@dataclass(frozen=True, slots=True)
class Histories:
    """A wave's rows are made aside with those that they end, and put in the place of the latter."""

    applying: Applying

    async def apply(self, working: Working, changes: TableChanges, shape: Shape, since: Since | None = None) -> None:
        """Let the working table tell of the changes too, which are noted in `since`."""
        await self.applying.reshape(working, changes, shape)
        if changes.emptied is not None:
            await self._add(working, since, changes, ())
        if changes.deeds:
            await self._add(working, since, changes, shape.targets)

    async def _add(
        self, working: Working, since: Since | None, changes: TableChanges, targets: Sequence[Target]
    ) -> None:
        staged = await self.applying.stage(working)
        try:
            if targets:
                await self._tell(working, staged, changes, targets)
            else:
                await self._empty(working, staged, changes)
            await self._close(working, staged)
            await self.applying.merge(working, staged, since, 2 * len(changes.deeds or ()))
        finally:
            await asyncio.shield(self.applying.discard(working.project_id, staged))

    async def _tell(self, working: Working, staged: str, changes: TableChanges, targets: Sequence[Target]) -> None:
        deeds = changes.deeds or []
        marked, groups = _marked(deeds), _by_lacking(deeds)
        for lacking, places in groups.items():
            rows = [deeds[place].row for place in places]
            sent = rows_of(changes.table, [row.values for row in rows], targets)
            batch = _joined(sent, marked.take(pa.array(places)))
            if not lacking:
                await self.applying.put(working, staged, batch)
                continue
            lost = Incomplete(batch, lacking, [row.origin or () for row in rows], _LAST)
            await self.applying.complete(working, staged, (changes, targets), lost)
        if await self.applying.count(working, staged) != len(deeds):
            raise RowMissing

    async def _empty(self, working: Working, staged: str, changes: TableChanges) -> None:
        """All rows are deleted at once; no change tells of each."""
        assert changes.emptied is not None
        lsn, at = changes.emptied
        said = {
            marks.OP: "'D'",
            marks.POSITION: "{position:String}",
            marks.TIME: _NOW,
            marks.DELETED: "true",
            marks.DELETED_AT: _NOW,
            marks.VALID_FROM: _NOW,
            marks.VALID_TO: "NULL",
        }
        chosen = ", ".join(said.get(c.name, quoted(c.name)) for c in working.columns)
        place = self.applying.place(working, working.physical)
        sql = f"SELECT {chosen}, 0 FROM {place} WHERE {_LAST} AND NOT {quoted(marks.DELETED)}"
        bound = {"position": Bound("String", marks.position_text(lsn)), "at": Bound("Int64", _micros(at))}
        await self.applying.insert(working, staged, sql, bound)

    async def _close(self, working: Working, staged: str) -> None:
        """The rows that were the last of their keys, ended by those that come."""
        keys = [name for name in working.key if name != marks.OPEN]
        said = {marks.VALID_TO: "n.ended", marks.OPEN: "2"}
        chosen = ", ".join(said.get(c.name, f"h.{quoted(c.name)}") for c in working.columns)
        listed = ", ".join(map(quoted, keys))
        both = " AND ".join(f"h.{quoted(key)} = n.{quoted(key)}" for key in keys)
        here, there = self.applying.place(working, working.physical), self.applying.place(working, staged)
        sql = (
            f"SELECT {chosen}, 0 FROM (SELECT * FROM {here} WHERE {_LAST} AND ({listed}) IN "
            f"(SELECT {listed} FROM {there})) AS h "
            f"INNER JOIN (SELECT {listed}, min({quoted(marks.VALID_FROM)}) AS ended FROM {there} GROUP BY {listed}) "
            f"AS n ON {both}"
        )
        await self.applying.insert(working, staged, sql)


def _marked(deeds: Sequence[Deed]) -> pa.RecordBatch:
    """The marks of each deed; the row of the next one of its key ends it."""
    ends: list[datetime | None] = [None] * len(deeds)
    following: dict[Key, datetime] = {}
    for place in range(len(deeds) - 1, -1, -1):
        deed = deeds[place]
        ends[place] = following.get(deed.key)
        following[deed.key] = deed.at
    gone = [deed.op == "D" for deed in deeds]
    times = pa.array([deed.at for deed in deeds], _INSTANT)
    arrays = {
        marks.OP: pa.array([deed.op for deed in deeds], pa.string()),
        marks.POSITION: pa.array([marks.position_text(deed.lsn) for deed in deeds], pa.string()),
        marks.TIME: times,
        marks.DELETED: pa.array(gone, pa.bool_()),
        marks.DELETED_AT: pa.array([d.at if g else None for d, g in zip(deeds, gone, strict=True)], _INSTANT),
        marks.VALID_FROM: times,
        marks.VALID_TO: pa.array(ends, _INSTANT),
        marks.OPEN: pa.array([1 if end is None else 2 for end in ends], pa.uint8()),
    }
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def _by_lacking(deeds: Iterable[Deed]) -> dict[tuple[int, ...], list[int]]:
    """Places of deeds by the values that were not sent with them."""
    found: dict[tuple[int, ...], list[int]] = {}
    for place, deed in enumerate(deeds):
        found.setdefault(deed.row.lacking, []).append(place)
    return found


def _joined(left: pa.RecordBatch, right: pa.RecordBatch) -> pa.RecordBatch:
    names = [*left.schema.names, *right.schema.names]
    return pa.RecordBatch.from_arrays([*left.columns, *right.columns], names=names)


def _micros(at: datetime) -> int:
    return int(pa.scalar(at, _INSTANT).value)
