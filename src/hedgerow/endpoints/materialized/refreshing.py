"""The refresh: new tables of a version are built aside and take the old ones' place in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hedgerow.endpoints.materialized.growing import APPENDED, FULL, Growing, Grown
from hedgerow.endpoints.materialized.planning import Obstacle, Planner, TablePlan
from hedgerow.endpoints.rows import EndpointRow, VersionRow
from hedgerow.endpoints.shelf import subject as revision
from hedgerow.engine.base import Progress
from hedgerow.jobs import Control, GiveUp, Job, JobLost, Policy
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError, Unavailable
from hedgerow.materialize import Tables
from hedgerow.store import Store, StoreFull
from hedgerow.store.revisions import bump

T = TypeVar("T")
_NEVER_ENDED = "The refresh was begun several times, and each time its process ended or lost the metadata store."
_log = structlog.get_logger("hedgerow.endpoints")


def _is_outage(error: BaseException) -> bool:
    """A full disk is none: it would be filled again every minute."""
    return isinstance(error, Unavailable) and error.code != "no_space"


def _words(error: Exception) -> str:
    return error.detail if isinstance(error, HedgerowError) else f"The refresh failed: {type(error).__name__}."


def _note_failure(session: Session, version_id: UUID, text: str, *, if_running: bool = False) -> None:
    version = session.get(VersionRow, version_id)
    if version is None or (row := version.materialization) is None:
        return
    if row.status == "Running" or not if_running:
        bump(session, revision(session.get_one(EndpointRow, version.endpoint_id).project_id))
        row.status, row.error = "Failed", text


def _failed_for_good(session: Session, job: Job, text: str) -> None:
    """Nobody could say why: its process died in it each time, or the store did not take the reason."""
    _note_failure(session, UUID(job.payload["version_id"]), _NEVER_ENDED, if_running=True)


def _mode(built: Sequence[Grown]) -> dict[str, Any]:
    """How the tables were made: all of them by appending, or why not."""
    whole = next((one for one in built if one.mode == FULL), None)
    return {"mode": APPENDED, "reason": None} if whole is None else {"mode": FULL, "reason": whole.reason}


POLICY = Policy(tries=3, is_outage=_is_outage, on_failure=_failed_for_good)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A version to refresh."""

    version_id: UUID
    project_id: int
    name: str
    query: dict[str, Any]
    buckets: dict[str, Any]
    grows_by: str | None
    kept: list[Any]


@dataclass(frozen=True, slots=True)
class Refresh:
    """The handler of a version's refreshes. A run that fails leaves the tables that are there as they are."""

    store: Store
    planner: Planner
    tables: Tables
    growing: Growing

    async def __call__(self, job: Job, control: Control) -> dict[str, Any] | None:
        wanted = await self._write(lambda s: self._begin(s, control, UUID(job.payload["version_id"])))
        if wanted is None:
            return None
        try:
            return await self._refreshed(wanted, control)
        except (JobLost, GiveUp):
            raise
        except Obstacle as obstacle:
            text = f"Cannot materialize endpoint. Reason: {obstacle.reason}"
            await self._fail(wanted, control, text)
            raise GiveUp(text) from obstacle
        except Exception as error:
            await self._fail(wanted, control, _words(error))
            raise

    async def _refreshed(self, wanted: _Wanted, control: Control) -> dict[str, Any]:
        at = now()
        plan = await self.planner.plan(wanted.project_id, wanted.name, wanted.query, wanted.buckets, wanted.grows_by)
        built = await self._build(wanted, plan, control)
        try:
            await self._write(lambda s: self._publish(s, control, wanted, (plan, built, at)))
        except BaseException:
            await asyncio.shield(self._discard(built))
            raise
        seconds = sum(one.built.seconds for one in built)
        return {"rows": sum(one.built.rows for one in built), "seconds": round(seconds, 3), **_mode(built)}

    async def _build(self, wanted: _Wanted, plan: TablePlan, control: Control) -> list[Grown]:
        built: list[Grown] = []
        kept = {table["piece"]["name"]: table for table in wanted.kept}

        def report(progress: Progress) -> None:
            control.progress({"table": len(built) + 1, "of": len(plan.tables), "rows_read": progress.rows_read})

        try:
            for one in plan.tables:
                old = kept.get(one.piece.name)
                built.append(await self.growing.build(wanted.project_id, one, wanted.grows_by, old, report))
        except BaseException:
            await asyncio.shield(self._discard(built))
            raise
        return built

    async def _discard(self, built: list[Grown]) -> None:
        for one in built:
            await self.tables.discard(one.built.project_id, one.built.physical)

    def _begin(self, session: Session, control: Control, version_id: UUID) -> _Wanted | None:
        version = session.get(VersionRow, version_id)
        if version is None or version.materialization is None or version.materialization.hibernated_at:
            return None
        endpoint = session.get_one(EndpointRow, version.endpoint_id)
        # In the order in which a change of the endpoint takes them, here and below: else two could wait for each other.
        bump(session, revision(endpoint.project_id))
        control.confirm(session)
        version.materialization.status = "Running"
        name = f"{endpoint.name}_v{version.number}"
        buckets = dict(version.materialization.bucket_overrides)
        grows_by, kept = version.append_only_column, list(version.materialization.tables)
        return _Wanted(version_id, endpoint.project_id, name, version.query, buckets, grows_by, kept)

    def _publish(
        self, session: Session, control: Control, wanted: _Wanted, made: tuple[TablePlan, list[Grown], datetime]
    ) -> None:
        plan, built, at = made
        bump(session, revision(wanted.project_id))
        control.confirm(session)
        version = session.get(VersionRow, wanted.version_id)
        if version is None or (row := version.materialization) is None:
            raise GiveUp("The version is not materialized any more.")
        self.tables.publish(session, [one.built.physical for one in built])
        self.tables.retire(session, [table["physical"] for table in row.tables])
        row.tables = [
            {"piece": one.piece.to_json(), "physical": made.built.physical, "growth": made.growth}
            for one, made in zip(plan.tables, built, strict=True)
        ]
        row.outputs, row.sources = list(plan.outputs), dict(plan.sources)
        row.status, row.error, row.materialized_at = "Completed", "", at
        row.refreshed = _mode(built)
        row.row_count = sum(one.built.rows for one in built)
        row.bytes_on_disk = sum(one.built.bytes_on_disk for one in built)

    async def _fail(self, wanted: _Wanted, control: Control, text: str) -> None:
        """Say at once why it failed, also when it will be tried again."""

        def fail(session: Session) -> None:
            bump(session, revision(wanted.project_id))
            control.confirm(session)
            _note_failure(session, wanted.version_id, text)

        try:
            await self._write(fail)
        except (SQLAlchemyError, StoreFull):
            _log.exception("failure not noted", endpoint=wanted.name)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)
