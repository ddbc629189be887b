"""The refresh: new tables of a version are built aside and take the old ones' place in one transaction."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.endpoints.materialized.planning import Obstacle, Planner, TablePlan
from hedgerow.endpoints.rows import EndpointRow, VersionRow
from hedgerow.endpoints.shelf import subject as revision
from hedgerow.engine.base import Progress
from hedgerow.jobs import Control, GiveUp, Job
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError
from hedgerow.materialize import Built, Tables
from hedgerow.store import Store
from hedgerow.store.revisions import bump

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A version to refresh."""

    version_id: UUID
    project_id: int
    name: str
    query: dict[str, Any]
    buckets: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refresh:
    """The handler of a version's refreshes. A run that fails leaves the tables that are there as they are."""

    store: Store
    planner: Planner
    tables: Tables

    async def __call__(self, job: Job, control: Control) -> dict[str, Any] | None:
        wanted = await self._write(lambda s: self._begin(s, control, UUID(job.payload["version_id"])))
        if wanted is None:
            return None
        at = now()
        try:
            plan = await self.planner.plan(wanted.project_id, wanted.name, wanted.query, wanted.buckets)
            built = await self._build(wanted, plan, control)
        except Obstacle as obstacle:
            await self._fail(wanted, f"Cannot materialize endpoint. Reason: {obstacle.reason}")
            raise GiveUp(obstacle.reason) from obstacle
        except HedgerowError as error:
            await self._fail(wanted, error.detail)
            raise
        try:
            await self._write(lambda s: self._publish(s, control, wanted, (plan, built, at)))
        except BaseException:
            await asyncio.shield(self._discard(built))
            raise
        return {"rows": sum(one.rows for one in built), "seconds": round(sum(one.seconds for one in built), 3)}

    async def _build(self, wanted: _Wanted, plan: TablePlan, control: Control) -> list[Built]:
        built: list[Built] = []

        def report(progress: Progress) -> None:
            control.progress({"table": len(built) + 1, "of": len(plan.tables), "rows_read": progress.rows_read})

        try:
            for one in plan.tables:
                built.append(await self.tables.build(wanted.project_id, one.fill, one.order_by, report))
        except BaseException:
            await asyncio.shield(self._discard(built))
            raise
        return built

    async def _discard(self, built: list[Built]) -> None:
        for one in built:
            await self.tables.discard(one.project_id, one.physical)

    def _begin(self, session: Session, control: Control, version_id: UUID) -> _Wanted | None:
        control.confirm(session)
        version = session.get(VersionRow, version_id)
        if version is None or version.materialization is None:
            return None
        endpoint = session.get_one(EndpointRow, version.endpoint_id)
        version.materialization.status = "Running"
        bump(session, revision(endpoint.project_id))
        name = f"{endpoint.name}_v{version.number}"
        buckets = dict(version.materialization.bucket_overrides)
        return _Wanted(version_id, endpoint.project_id, name, version.query, buckets)

    def _publish(
        self, session: Session, control: Control, wanted: _Wanted, made: tuple[TablePlan, list[Built], datetime]
    ) -> None:
        plan, built, at = made
        control.confirm(session)
        version = session.get(VersionRow, wanted.version_id)
        if version is None or (row := version.materialization) is None:
            raise GiveUp("The version is not materialized any more.")
        self.tables.publish(session, [one.physical for one in built])
        self.tables.retire(session, [table["physical"] for table in row.tables])
        row.tables = [
            {"piece": one.piece.to_json(), "physical": made.physical}
            for one, made in zip(plan.tables, built, strict=True)
        ]
        row.outputs, row.sources = list(plan.outputs), dict(plan.sources)
        row.status, row.error, row.materialized_at = "Completed", "", at
        row.row_count = sum(one.rows for one in built)
        row.bytes_on_disk = sum(one.bytes_on_disk for one in built)
        bump(session, revision(wanted.project_id))

    async def _fail(self, wanted: _Wanted, text: str) -> None:
        def fail(session: Session) -> None:
            version = session.get(VersionRow, wanted.version_id)
            if version is not None and version.materialization is not None:
                version.materialization.status, version.materialization.error = "Failed", text
                bump(session, revision(wanted.project_id))

        await self._write(fail)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)
