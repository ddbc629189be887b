"""Makes a view into a table: built aside, published with its columns in one transaction, or failed with a reason."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from hedgerow.engine.base import Column, Limits, Progress, Query
from hedgerow.jobs import Control, Job, Policy
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.kit.settings import Settings
from hedgerow.materialize import Built, Tables
from hedgerow.store import Store
from hedgerow.views import shelf
from hedgerow.views.records import View
from hedgerow.views.runs import ledger
from hedgerow.views.runs.ledger import Run
from hedgerow.views.runs.waves import Waves
from hedgerow.views.texts.preparing import Preparation, compiled_text
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.types import kept

T = TypeVar("T")
_SECONDS = 3_600.0
POLICY = Policy(tries=3)


@dataclass(frozen=True, slots=True)
class Running:
    """The handlers of jobs on views."""

    store: Store
    catalogs: Catalogs
    preparation: Preparation
    tables: Tables
    waves: Waves
    settings: Settings

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Do one run. What the query is at fault for fails it at once; anything else is tried again."""
        found = await asyncio.to_thread(self._found, job)
        if found is None:
            return None
        run, view = found
        try:
            built = await self._built(view, control)
        except Exception as fault:
            if not isinstance(fault, InvalidInput) and job.failures + 1 < POLICY.tries:
                raise
            text = _reason(fault)
            await self._write(lambda session: self._fail(session, control, run, view, text))
            return {"error": text}
        try:
            published = await self._write(lambda session: self._publish(session, control, run, view, built))
        except BaseException:
            await asyncio.shield(self.tables.discard(view.project_id, built.physical))
            raise
        if not published:
            await self.tables.discard(view.project_id, built.physical)
        self.catalogs.forget(view.project_id)
        return {"rows": built.rows, "bytes": built.bytes_on_disk}

    async def wave(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Run all views of a project that have the job's frequency."""
        project_id, frequency = job.project_id or 0, str(job.payload["frequency"])

        def begin(session: Session) -> int:
            control.confirm(session)
            sequence = shelf.lock(session, project_id)
            views = shelf.scheduled(session, project_id, frequency)
            self.waves.begin(session, sequence, views)
            return len(views)

        return {"views": await self._write(begin)}

    # --- inside

    def _found(self, job: Job) -> tuple[Run, View] | None:
        """The run and its view, unless either is over."""
        with self.store.read() as session:
            try:
                run = ledger.get(session, job.project_id or 0, UUID(job.payload["run"]))
            except NotFound:
                return None
            views = shelf.by_ids(session, run.project_id, [run.view_id])
        return (run, views[0]) if views and run.status == ledger.RUNNING else None

    async def _built(self, view: View, control: Control) -> Built:
        # What this run waited for may have been published by another process a moment ago.
        self.catalogs.forget(view.project_id)
        catalog = await self.catalogs.fetch(view.project_id)
        compiled = await asyncio.to_thread(compiled_text, view.text, catalog)
        check_columns(await self.preparation.described(compiled))

        def report(progress: Progress) -> None:
            control.progress({"rows_read": progress.rows_read, "bytes_read": progress.bytes_read})

        limits = Limits(_SECONDS, self.settings.query_memory)
        query = Query(compiled.sql, compiled.parameters, limits, f"p{view.project_id}:view:{uuid4().hex}")
        return await self.tables.build(view.project_id, query, report=report)

    def _publish(self, session: Session, control: Control, run: Run, view: View, built: Built) -> bool:
        """Let the new table serve, in one transaction with all that is told of it; `False` when nobody wants it now."""
        control.confirm(session)
        sequence = shelf.lock(session, view.project_id)
        present = shelf.by_ids(session, view.project_id, [view.id])
        if not present or ledger.get(session, run.project_id, run.id).status != ledger.RUNNING:
            return False
        if present[0].revision != view.revision:
            text = "The query was changed while it ran: run it again."
            ledger.end(session, run, ledger.FAILED, text)
            self.waves.advance(session, sequence, run)
            return False
        self.tables.publish(session, [built.physical])
        if present[0].physical:
            self.tables.retire(session, [present[0].physical])
        made = {"physical": built.physical, "columns": kept(built.columns), "is_materialized": True}
        told = {"status": ledger.COMPLETED, "last_run_at": now(), "latest_error": None}
        shelf.change(session, present[0], sequence, {**made, **told})
        size = replace(run, rows=built.rows, bytes_on_disk=built.bytes_on_disk, seconds=built.seconds)
        ledger.end(session, size, ledger.COMPLETED)
        self.waves.advance(session, sequence, run)
        return True

    def _fail(self, session: Session, control: Control, run: Run, view: View, text: str) -> None:
        """The last good table goes on serving."""
        control.confirm(session)
        sequence = shelf.lock(session, view.project_id)
        if ledger.get(session, run.project_id, run.id).status != ledger.RUNNING:
            return
        ledger.end(session, run, ledger.FAILED, text)
        for present in shelf.by_ids(session, view.project_id, [view.id]):
            told = {"status": ledger.FAILED, "last_run_at": now(), "latest_error": text}
            shelf.change(session, present, sequence, told)
        self.waves.advance(session, sequence, run)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _reason(fault: Exception) -> str:
    """What its users are told of a run that failed."""
    if isinstance(fault, InvalidInput):
        return fault.detail
    return f"The run failed {POLICY.tries} times, the last time with: {type(fault).__name__}."


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
