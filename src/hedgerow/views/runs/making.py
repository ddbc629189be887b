"""Makes the new table of a view, whole or bit by bit; it is published elsewhere."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import orjson

from hedgerow.checks import Finding
from hedgerow.engine.base import Column, Engine, Limits, Progress, Query
from hedgerow.jobs import Control
from hedgerow.kit.clock import iso, now
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery
from hedgerow.materialize import Built, Tables
from hedgerow.materialize.tables import Report as Hearing
from hedgerow.store import Store
from hedgerow.views import shelf
from hedgerow.views.records import Incremental, View
from hedgerow.views.runs import increments
from hedgerow.views.runs.composing import Composing
from hedgerow.views.runs.increments import FULL, INCREMENTAL, RANGE, Parts, Wish
from hedgerow.views.runs.inputs import Inputs, shape
from hedgerow.views.texts.increments import report
from hedgerow.views.texts.preparing import Preparation, compiled_text
from hedgerow.warehouse.catalog import Catalogs, database

_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Made:
    """A table that is whole: what it was made from and how, and what the view's checks found in it.

    `base` is the table that rows were taken over from; `state` is what the next run has to know.
    """

    built: Built
    inputs: str | None
    mode: str = FULL
    reason: str | None = None
    base: str | None = None
    state: Mapping[str, Any] | None = None
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class _Course:
    """How a table is to be made: `parts` when rows are taken over; `digest` tells what else than new rows changed."""

    settings: Incremental
    digest: str
    parts: Parts | None = None
    mode: str = FULL
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What a run reads, as it is when it begins."""

    catalog: Catalog
    compiled: CompiledQuery
    columns: tuple[Column, ...]
    rebuilt: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Making:
    """Reads the catalog as it is when the run begins."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    preparation: Preparation
    tables: Tables
    composing: Composing
    inputs: Inputs
    settings: Settings

    async def make(self, view: View, wish: Wish, control: Control) -> Made:
        """Raises `InvalidInput` for what the query is at fault for."""
        # Before the tables are looked up: a parent rebuilt in between is then seen by the next run.
        rebuilt = await asyncio.to_thread(self._rebuilt, view) if view.incremental else {}
        # What this run waited for may have been published by another process a moment ago.
        self.catalogs.forget(view.project_id)
        catalog = await self.catalogs.fetch(view.project_id)
        compiled, inputs = await asyncio.to_thread(self._compiled, view, catalog)
        columns = await self.preparation.described(compiled)
        check_columns(columns)
        limits = Limits(_SECONDS, self.settings.query_memory)
        query = Query(compiled.sql, compiled.parameters, limits, f"p{view.project_id}:view:{uuid4().hex}")

        def hear(progress: Progress) -> None:
            control.progress({"rows_read": progress.rows_read, "bytes_read": progress.bytes_read})

        if view.incremental is None or not view.incremental.enabled:
            return Made(await self.tables.build(view.project_id, query, report=hear, columns=columns), inputs)
        course = await self._course(view, wish, _Read(catalog, compiled, tuple(columns), rebuilt))
        if course is None:
            built, reason = (
                await self.tables.build(view.project_id, query, report=hear),
                "It cannot be incremental now.",
            )
            return Made(built, inputs, reason=reason)
        built = await self._built(view, course, query, hear)
        return await self._made(view, course, built, inputs)

    async def _course(self, view: View, wish: Wish, read: _Read) -> _Course | None:
        """How this run goes; `None` when what the view reads has come to forbid making it bit by bit."""
        settings = view.incremental
        assert settings is not None
        found = await asyncio.to_thread(report, view.text, read.catalog, read.compiled, read.columns)
        try:
            found.check(settings)
        except InvalidInput:
            return None
        digest = shape(read.compiled, read.catalog, found.tables[settings.incremental_key], read.rebuilt)
        whole = _Course(settings, digest)
        there = {column.name: column.clickhouse for column in view.columns}
        types = {column.name: column.type for column in read.columns}
        kind = types[settings.incremental_key]
        if wish.full:
            return replace(whole, reason="A full run was asked for.")
        if view.physical is None or view.incremental_state is None:
            return replace(whole, reason="It is the first run of this query.")
        if there != types or list(there) != list(types):
            return replace(whole, reason="Its columns have changed.")
        if view.incremental_state["shape"] != digest:
            return replace(whole, reason="Something else than new rows in the table of its key has changed.")
        if wish.is_range:
            bounds, mode = increments.wished(wish, kind), RANGE
        else:
            last, _ = await self._watermark(view, view.physical, kind)
            if last is None:
                return replace(whole, reason="There is no row yet.")
            bounds, mode = increments.since(last, kind, settings.lookback_seconds), INCREMENTAL
        return replace(whole, mode=mode, parts=Parts(settings, types, bounds, database(view.project_id), view.physical))

    async def _built(self, view: View, course: _Course, query: Query, hear: Hearing) -> Built:
        if course.parts is not None:
            return await self.composing.composed(view.project_id, course.parts, query, hear)
        return await self.tables.build(view.project_id, query, [course.settings.incremental_key], hear)

    async def _made(self, view: View, course: _Course, built: Built, inputs: str | None) -> Made:
        try:
            kind = next(c.type for c in built.columns if c.name == course.settings.incremental_key)
            last, rows = await self._watermark(view, built.physical, kind)
        except BaseException:
            await asyncio.shield(self.tables.discard(view.project_id, built.physical))
            raise
        state = {"shape": course.digest, "watermark": last, **_times(view, course.mode)}
        base = course.parts.old if course.parts else None
        return Made(replace(built, rows=rows), inputs, course.mode, course.reason, base, state)

    def _compiled(self, view: View, catalog: Catalog) -> tuple[CompiledQuery, str | None]:
        """The query, and the digest of what it reads."""
        compiled = compiled_text(view.text, catalog)
        return compiled, self.inputs.of_run(view, catalog, compiled)

    def _rebuilt(self, view: View) -> dict[str, str]:
        with self.store.read() as session:
            return shelf.rebuilt(session, view.project_id)

    async def _watermark(self, view: View, physical: str, kind: str) -> tuple[str | None, int]:
        """The last key of a table, `None` when there is none, and how many rows it has."""
        settings = view.incremental
        assert settings is not None
        text = increments.watermark(database(view.project_id), physical, settings.incremental_key, kind)
        answer = await self.engine.run(Query(text, limits=Limits(_SECONDS, self.settings.query_memory)))
        last, rows = orjson.loads(answer.rows)
        # Of no rows the last key is the type's zero, where it cannot be NULL.
        return (last if rows else None), rows


def _times(view: View, mode: str) -> dict[str, str]:
    """When all rows were made last, and when rows were that no lookback reaches."""
    before, moment = view.incremental_state or {}, iso(now())
    return {
        "full_at": moment if mode == FULL else before["full_at"],
        "rebuilt_at": before["rebuilt_at"] if mode == INCREMENTAL else moment,
    }


def check_columns(columns: Sequence[Column]) -> None:
    """Raises `InvalidInput` for columns that no table can have."""
    for name, times in Counter(column.name.lower() for column in columns).items():
        if times > 1:
            both = " and ".join(f'"{column.name}"' for column in columns if column.name.lower() == name)
            raise InvalidInput(
                f"The query has more than one column of one name: {both}. Give them other names with AS."
            )
    for column in columns:
        if "Nothing" in column.type:
            text = f'The column "{column.name}" has no type, as all its values are NULL. Give it one: toString(…) AS …'
            raise InvalidInput(text)
