"""The handler that drops what of a log nobody wants any more; a remote that is away is asked again, then left."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.connectors import SourceError
from hedgerow.connectors.changes import change_source
from hedgerow.jobs import Control, Job, Policy
from hedgerow.kit.errors import NotFound
from hedgerow.sources.logs.keeping import LogKeeping
from hedgerow.sources.logs.records import ChangeLog
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Work:
    """What is to be done; `keep` names the tables that are still followed."""

    log: ChangeLog
    source_type: str
    config: dict[str, Any]
    keep: list[str]


@dataclass(frozen=True, slots=True)
class Leaving:
    """The handler of `TIDY`."""

    store: Store
    keeping: LogKeeping
    remotes: Remotes
    scheduling: Scheduling

    @property
    def policy(self) -> Policy:
        """A server that keeps what nobody reads fills its disk: so this is tried for a day."""
        return Policy(tries=30, first_wait=timedelta(seconds=2), longest_wait=timedelta(hours=1), on_failure=self._end)

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Drop slot and publication, or what is not wanted of them."""
        work = await asyncio.to_thread(self._work, UUID(job.payload["source"]))
        if work is None:
            return None
        changes = change_source(self.remotes.connector(work.source_type))
        fault = None
        if changes is not None and work.config:
            try:
                await self.remotes.work(lambda: changes.close_place(work.config, work.log.place, work.keep))
            except SourceError as error:
                if error.retryable or not work.keep:
                    raise
                fault = error.text  # a table too many in the publication costs little
        await self._write(lambda session: self._done(session, control, work))
        return {"kept": work.keep, "error": fault}

    def _work(self, source_id: UUID) -> _Work | None:
        with self.store.read() as session:
            log = self.keeping.logs.get(session, source_id)
            if log is None:
                return None
            try:
                source = self.keeping.shelf.get(session, log.project_id, source_id)
            except NotFound:
                said = self.keeping.logs.farewell(session, source_id)
                return _Work(log, said["source_type"], said["config"], [])
            schemas = self.keeping.shelf.schemas(session, [source])
            wanted = [s.name for s in schemas if s.following or self.scheduling.reading(session, s)]
            config = self.keeping.shelf.config(session, source)
            return _Work(log, source.source_type, config, wanted if log.enabled else [])

    def _done(self, session: Session, control: Control, work: _Work) -> None:
        control.confirm(session)
        if work.keep:
            return self._resume(session, work.log)
        if self.keeping.logs.farewell(session, work.log.source_id):
            return self.keeping.logs.forget(session, work.log.source_id)
        none = {"position": None, "system": None, "warning": None}
        self.keeping.logs.set(session, work.log.project_id, work.log.source_id, none)
        if work.log.enabled and not work.log.managed:  # a slot that is theirs stays, and is not to keep its log
            self.scheduling.follow_log(session, work.log.project_id, work.log.source_id)
        return None

    def _end(self, session: Session, job: Job, error: str) -> None:
        """Tried for long enough: what the source connected with is not kept for ever."""
        log = self.keeping.logs.get(session, UUID(job.payload["source"]))
        if log is not None and self.keeping.logs.farewell(session, log.source_id):
            self.keeping.logs.forget(session, log.source_id)
        elif log is not None:
            self._resume(session, log)

    def _resume(self, session: Session, log: ChangeLog) -> None:
        """Whoever followed the log was stopped: let them go on."""
        source = self.keeping.shelf.get(session, log.project_id, log.source_id)
        for schema in self.keeping.shelf.schemas(session, [source]):
            if schema.following:
                return self.scheduling.follow_log(session, log.project_id, log.source_id)
        return None

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)
