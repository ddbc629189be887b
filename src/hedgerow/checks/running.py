"""Runs checks: over rows that are published, or over a table that waits to be."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import orjson

from hedgerow.checks import shelf
from hedgerow.checks.records import BROKEN, Check, Finding, Target, objection
from hedgerow.checks.statements import statement
from hedgerow.engine.base import Column, Engine, Limits, Query
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.store import Store
from hedgerow.warehouse.catalog import Catalogs, database
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.warehouse.records import TableRecord

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A physical table that is to take a target's place."""

    physical: str
    columns: Sequence[Column]

    def standing_in(self, table: Table, catalog: Catalog) -> Table:
        """The target as it would be."""
        columns = tuple(TableColumn(column.name, column.type, column.name) for column in self.columns)
        return replace(table, backing=PhysicalTable(catalog.database, self.physical), columns=columns)


@dataclass(frozen=True, slots=True)
class Looking:
    """Methods raise `EngineUnavailable` when there is no engine; a check that cannot be run is a finding."""

    store: Store
    engine: Engine
    catalogs: Catalogs
    settings: Settings

    def target(self, catalog: Catalog, target_id: UUID, kinds: Sequence[str]) -> Table:
        """The view or table of that id; raises `NotFound`."""
        for table in catalog.tables.values():
            if table.id == str(target_id) and table.kind in kinds:
                return table
        raise NotFound()

    async def examine(self, catalog: Catalog, table: Table, checks: Iterable[Check]) -> list[Finding]:
        """What each check finds of `table`'s rows."""
        return [await self._finding(catalog, table, check) for check in checks]

    async def look(self, project_id: int, target_id: UUID, kinds: Sequence[str]) -> list[Finding]:
        """What the enabled checks find of the rows that are served; it is kept. Raises `NotFound` as `target` does."""
        catalog = await self.catalogs.fetch(project_id)
        table = self.target(catalog, target_id, kinds)
        findings = await self.examine(catalog, table, await asyncio.to_thread(self._enabled, project_id, target_id))
        await asyncio.to_thread(self.keep, findings)
        return findings

    async def waiting(self, target: Target, catalog: Catalog, rows: Waiting) -> list[Finding]:
        """What the enabled checks of a target find of the rows that wait; nothing is kept yet."""
        checks = await asyncio.to_thread(self._enabled, target.project_id, target.id)
        return await self._of_waiting(target, catalog, rows, checks) if checks else []

    async def _of_waiting(
        self, target: Target, catalog: Catalog, rows: Waiting, checks: Iterable[Check]
    ) -> list[Finding]:
        table = catalog.tables.get(target.name) or Table(target.name, PhysicalTable(catalog.database, rows.physical))
        return await self.examine(catalog, rows.standing_in(table, catalog), checks)

    async def inspect(self, record: TableRecord, physical: str, columns: Sequence[Column]) -> None:
        """Refuse the new rows of a warehouse table that a check objects to; raises `ActionRefused`."""
        target = Target(record.project_id, record.id, record.name)
        checks = await asyncio.to_thread(self._enabled, target.project_id, target.id)
        if not checks:  # as most tables have none, their catalog need not be made anew before they are published
            return
        catalog = await self.catalogs.fetch(record.project_id)
        findings = await self._of_waiting(target, catalog, Waiting(physical, columns), checks)
        if findings:
            await asyncio.to_thread(self.keep, findings)
        text = objection(findings)
        if text is not None:
            raise ActionRefused(text, code="check_failed")

    async def check(self, catalog: Catalog, table: Table, check: Check) -> None:
        """Raises `InvalidInput` when a check cannot be run over a table as it is."""
        made = await asyncio.to_thread(statement, check, catalog, table)
        limits = Limits(_SECONDS, self.settings.query_memory)
        await self.engine.describe(Query(made.compiled.sql, made.compiled.parameters, limits))

    def keep(self, findings: Sequence[Finding], run_id: UUID | None = None) -> None:
        """Keep what was found. Blocking."""
        with self.store.write() as session:
            shelf.note(session, findings, run_id)

    def _enabled(self, project_id: int, target_id: UUID) -> list[Check]:
        with self.store.read() as session:
            return shelf.of_target(session, project_id, target_id, enabled=True)

    async def _finding(self, catalog: Catalog, table: Table, check: Check) -> Finding:
        began = time.perf_counter()
        try:
            made = await asyncio.to_thread(statement, check, catalog, table)
            limits = Limits(_SECONDS, self.settings.query_memory)
            tag = f"{database(catalog.project_id)}:check:{uuid4().hex}"
            answer = await self.engine.run(Query(made.compiled.sql, made.compiled.parameters, limits, tag))
            rows: list[Sequence[Any]] = orjson.loads(answer.json_rows())
            found = made.read(rows[0])
        except InvalidInput as fault:
            found = Finding(check, BROKEN, f"It could not be run: {fault.detail}")
        return replace(found, seconds=round(time.perf_counter() - began, 6))


def changed(check: Check, values: Mapping[str, Any]) -> Check:
    """A check as it would be."""
    return replace(check, **values)
