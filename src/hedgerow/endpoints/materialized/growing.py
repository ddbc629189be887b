"""Makes the new table of a version: the last one and the rows that were added since, where that is exact, else all."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from hedgerow.endpoints.materialized.planning import Planned
from hedgerow.engine.base import Engine, Query
from hedgerow.language.query.materializing.growing import AFTER
from hedgerow.language.query.materializing.pieces import STATES, Piece
from hedgerow.language.query.pipeline import CompiledQuery, rebind
from hedgerow.materialize import Built, Tables
from hedgerow.materialize.tables import Report
from hedgerow.warehouse.catalog import database

FULL, APPENDED = "full", "appended"
_BEGINNING, _END = -(2**63), 2**63 - 1
"""Between these, whole numbers are bound as one type."""
_ROOM = 10_000
"""Rows that further states may be beyond twice those of the last full refresh, before a full one puts them together."""


@dataclass(frozen=True, slots=True)
class Grown:
    """A table that is whole. `mode`: `full`, with the `reason` unless nobody wanted otherwise, or `appended`.

    `growth` is what the next refresh has to know to append.
    """

    built: Built
    mode: str
    reason: str | None
    growth: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a probe has found: rows; those that have the column; the last value; those that were there before."""

    every: int
    counted: int
    last: str
    sum: str
    earlier: int
    earlier_sum: str


@dataclass(frozen=True, slots=True)
class Growing:
    """Raises what the engine raises; nothing is left of a table that was not filled."""

    engine: Engine
    tables: Tables

    async def build(
        self, project_id: int, one: Planned, by: str | None, kept: Mapping[str, Any] | None, report: Report
    ) -> Grown:
        """The table of a piece. `by`: the append-only column, if one is declared; `kept`: the table as it is stored."""
        if by is None:
            return await self._full(project_id, one, None, None, report)
        if one.table.probe is None:
            reason = f"It is not made of one table's rows alone that have a time or whole number {by}."
            return await self._full(project_id, one, None, reason, report)
        known = kept.get("growth") if kept is not None and Piece.from_json(kept["piece"]) == one.piece else None
        if known is not None and (known["by"] != by or int(known["last"]) > _END):
            known = None
        seen = await self._seen(one, one.table.probe, int(known["last"]) if known else _BEGINNING)
        growth = None
        if seen.counted:
            nulls = seen.every - seen.counted
            growth = {"by": by, "last": seen.last, "counted": seen.counted, "sum": seen.sum, "nulls": nulls}
        obstacle = _obstacle(one, known, seen)
        if obstacle is None and known is not None and kept is not None:
            return await self._appended(project_id, one, (kept["physical"], known, growth), report)
        return await self._full(project_id, one, growth, obstacle, report)

    async def _full(
        self, project_id: int, one: Planned, growth: dict[str, Any] | None, reason: str | None, report: Report
    ) -> Grown:
        built = await self.tables.build(project_id, one.fill, one.order_by, report)
        state = None if growth is None else {**growth, "rows": built.rows, "full_rows": built.rows}
        return Grown(built, FULL, reason, state)

    async def _appended(
        self,
        project_id: int,
        one: Planned,
        kept: tuple[str, Mapping[str, Any], dict[str, Any] | None],
        report: Report,
    ) -> Grown:
        """A clone of the last table, which costs nothing, and what is new."""
        began, (physical, known, growth) = time.perf_counter(), kept
        assert one.table.more is not None
        clone = partial(self.engine.clone_table, database(project_id), source=physical)
        async with self.tables.making(project_id, lambda name: clone(table=name)) as made:
            await self.tables.fill(project_id, made, self._query(one, one.table.more, int(known["last"])), report)
            built = await self.tables.built(project_id, made, time.perf_counter() - began)
        state = {**(growth or known), "rows": built.rows, "full_rows": known["full_rows"]}
        return Grown(built, APPENDED, None, state)

    async def _seen(self, one: Planned, probe: CompiledQuery, after: int) -> _Seen:
        answer = await self.engine.run(self._query(one, probe, after))
        ((every, counted, last, total, earlier, earlier_sum),) = orjson.loads(answer.json_rows())
        return _Seen(int(every), int(counted), str(last), str(total), int(earlier), str(earlier_sum))

    def _query(self, one: Planned, compiled: CompiledQuery, after: int) -> Query:
        bound = rebind(compiled, {AFTER: after})
        assert bound is not None, "its only variable is a whole number"
        return replace(one.fill, sql=bound.sql, parameters=bound.parameters, id="")


def _obstacle(one: Planned, known: Mapping[str, Any] | None, seen: _Seen) -> str | None:
    """Why the last table and the new rows would not be what a full refresh makes."""
    if known is None:
        return "It is the first refresh of this query and column."
    if (seen.earlier, seen.earlier_sum, seen.every - seen.counted) != (known["counted"], known["sum"], known["nulls"]):
        return f"Rows came, changed or went that are not after the last {known['by']}."
    if one.piece.mode == STATES and known["rows"] > 2 * known["full_rows"] + _ROOM:
        return "So much was appended that its states are put together."
    return None
