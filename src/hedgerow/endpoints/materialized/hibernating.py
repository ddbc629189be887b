"""Puts tables to sleep that nobody has read for long, every day; a run wakes them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.endpoints.materialized.switching import Switch
from hedgerow.endpoints.rows import MaterializationRow, VersionRow
from hedgerow.jobs import Control, Job, JobRoom
from hedgerow.kit.clock import now
from hedgerow.store import Store

T = TypeVar("T")
KIND = "endpoint_hibernation"
_SUBJECT = "endpoints"
_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hibernation:
    """The handler of the daily job. `days` without a run are the most; 0 lets all tables be refreshed for ever."""

    store: Store
    switch: Switch
    jobs: JobRoom
    days: int

    async def __call__(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Each version in a transaction of its own, so that a run that comes meanwhile waits for none but its own."""
        put = 0
        for version_id in await self._write(self._unused):
            put += await self._write(lambda s, each=version_id: self._put_to_sleep(s, control, each))  # type: ignore[misc]
        return {"hibernated": put}

    def plan(self) -> None:
        """Schedule the job, or end its schedule; blocking. Any number of processes may do this at once."""
        try:
            with self.store.write() as session:
                if self.days:
                    self.jobs.schedules.set(session, _SUBJECT, KIND, {}, _EVERY)
                else:
                    self.jobs.schedules.remove(session, _SUBJECT, KIND)
        except IntegrityError:
            pass  # another process has just done it

    def _unused(self, session: Session, version_id: UUID | None = None) -> list[UUID]:
        """Versions whose tables, awake, nobody has read for long enough; or that one, if it is one of them."""
        limit = now() - timedelta(days=self.days)
        awake_since = func.coalesce(MaterializationRow.awake_since, MaterializationRow.created_at)
        chosen = select(VersionRow.id).join(MaterializationRow).where(
            MaterializationRow.hibernated_at.is_(None),
            awake_since < limit,
            func.coalesce(VersionRow.last_executed_at, awake_since) < limit,
        )  # fmt: skip
        if version_id is not None:
            chosen = chosen.where(VersionRow.id == version_id)
        return list(session.scalars(chosen))

    def _put_to_sleep(self, session: Session, control: Control, version_id: UUID) -> bool:
        control.confirm(session)
        if not self.days or not self._unused(session, version_id):
            return False
        self.switch.sleep(session, version_id)
        return True

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)
