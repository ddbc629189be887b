"""Makes a view into a table: built aside, published with its columns in one transaction, or failed with a reason."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.checks import Checks, Finding, Target
from hedgerow.checks.records import objection
from hedgerow.checks.running import Waiting
from hedgerow.jobs import Control, Job, Policy
from hedgerow.kit.clock import now
from hedgerow.kit.errors import HedgerowError, InvalidInput, NotFound
from hedgerow.materialize import BuildLost, Tables
from hedgerow.store import Store
from hedgerow.views import shelf
from hedgerow.views.records import RESUMED, View
from hedgerow.views.runs import ledger
from hedgerow.views.runs.increments import Wish
from hedgerow.views.runs.inputs import Inputs
from hedgerow.views.runs.ledger import Run
from hedgerow.views.runs.making import Made, Making
from hedgerow.views.runs.waves import Waves
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.types import kept

T = TypeVar("T")
_NEVER_ENDED = "The run was begun several times, and each time the process ended or lost the metadata store before it."
_TRIES = 3
POLICY = Policy(tries=1_000, longest_wait=timedelta(minutes=1))
"""More tries than a query gets: what follows those only writes down how it ended, as soon as the store takes it."""
MOST_FAILURES = 5


class Refused(InvalidInput):
    """A check objects to the table that was built; it is gone already."""

    def __init__(self, text: str, findings: Sequence[Finding]) -> None:
        super().__init__(text)
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Running:
    """The handlers of jobs on views."""

    store: Store
    catalogs: Catalogs
    making: Making
    tables: Tables
    waves: Waves
    checks: Checks
    inputs: Inputs

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Do one run. What the query is at fault for fails it at once; anything else is tried again."""
        found = await asyncio.to_thread(self._found, job)
        if found is None:
            return None
        run, view = found
        try:
            if job.failures >= _TRIES:
                raise Refused(_NEVER_ENDED, ())
            made = await self._examined(view, await self.making.make(view, _wish(job), control))
        except Exception as fault:
            if not isinstance(fault, InvalidInput) and job.failures + 1 < _TRIES:
                raise
            failed = fault if isinstance(fault, Refused) else Refused(_reason(fault), ())
            await self._write(lambda session: self._fail(session, control, run, view, failed))
            return {"error": failed.detail}
        built = made.built
        try:
            published = await self._write(lambda session: self._publish(session, control, run, view, made))
        except BaseException:
            await asyncio.shield(self.tables.discard(view.project_id, built.physical))
            raise
        if not published:
            await self.tables.discard(view.project_id, built.physical)
        self.catalogs.forget(view.project_id)
        return {"rows": built.rows, "bytes": built.bytes_on_disk}

    async def wave(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Run the views of a project that have the job's frequency, but those for which nothing has changed."""
        project_id, frequency = job.project_id or 0, str(job.payload["frequency"])
        digests = await self.inputs.of_scheduled(project_id, frequency)

        def begin(session: Session) -> tuple[int, int]:
            control.confirm(session)
            sequence = shelf.lock(session, project_id)
            views = shelf.due(session, project_id, frequency)
            unchanged = {view.id for view in views if _up_to_date(view, digests.get(view.id))}
            return len(views), self.waves.begin(session, sequence, views, unchanged)

        views, unchanged = await self._write(begin)
        return {"views": views, "unchanged": unchanged}

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

    async def _examined(self, view: View, made: Made) -> Made:
        """What the view's checks find in the new table; raises `Refused` when one objects."""
        built = made.built
        try:
            catalog = await self.catalogs.fetch(view.project_id)
            rows = Waiting(built.physical, built.columns)
            findings = await self.checks.looking.waiting(Target(view.project_id, view.id, view.name), catalog, rows)
            text = objection(findings)
            if text is not None:
                raise Refused(text, findings)
        except BaseException:
            await asyncio.shield(self.tables.discard(view.project_id, built.physical))
            raise
        return replace(made, findings=findings)

    def _publish(self, session: Session, control: Control, run: Run, view: View, made: Made) -> bool:
        """Let the new table serve, in one transaction with all that is told of it; `False` when nobody wants it now."""
        built = made.built
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
        if made.base is not None and present[0].physical != made.base:
            raise BuildLost("The table that rows were taken over from is not the one that serves any more.")
        self.tables.publish(session, [built.physical])
        if present[0].physical:
            self.tables.retire(session, [present[0].physical])
        served: dict[str, Any] = {"physical": built.physical, "columns": kept(built.columns), "is_materialized": True}
        served |= {"inputs": made.inputs, "incremental_state": dict(made.state) if made.state else None}
        told = {"status": ledger.COMPLETED, "last_run_at": now(), "latest_error": None}
        shelf.change(session, present[0], sequence, {**served, **told, **RESUMED})
        self.checks.note(session, made.findings, run.id)
        size = replace(run, rows=built.rows, bytes_on_disk=built.bytes_on_disk, seconds=built.seconds)
        done = replace(size, checks=_told(made.findings), mode=made.mode, reason=made.reason)
        ledger.end(session, done, ledger.COMPLETED)
        self.waves.advance(session, sequence, run)
        return True

    def _fail(self, session: Session, control: Control, run: Run, view: View, fault: Refused) -> None:
        """The last good table goes on serving."""
        text = fault.detail
        control.confirm(session)
        sequence = shelf.lock(session, view.project_id)
        if ledger.get(session, run.project_id, run.id).status != ledger.RUNNING:
            return
        self.checks.note(session, fault.findings, run.id)
        ledger.end(session, replace(run, checks=_told(fault.findings)), ledger.FAILED, text)
        for present in shelf.by_ids(session, view.project_id, [view.id]):
            told = {"status": ledger.FAILED, "last_run_at": now(), "latest_error": text}
            shelf.change(session, present, sequence, told | _suspended(present, text))
        self.waves.advance(session, sequence, run)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _wish(job: Job) -> Wish:
    return Wish(job.payload.get("full", False), job.payload.get("start"), job.payload.get("end"))


def _suspended(view: View, text: str) -> dict[str, Any]:
    """One failure more, and what comes of it."""
    failures = view.failures + 1
    if failures < MOST_FAILURES or not view.is_materialized:
        return {"failures": failures}
    said = f"Its schedule is suspended, as {failures} runs failed in a row: a run that succeeds resumes it."
    return {"failures": failures, "suspended": True, "latest_error": f"{text} {said}"}


def _up_to_date(view: View, digest: str | None) -> bool:
    """Whether its table is what a run would make of what there is now."""
    return bool(view.physical and digest and view.inputs == digest and view.status == ledger.COMPLETED)


def _told(findings: Sequence[Finding]) -> tuple[dict[str, Any], ...]:
    return tuple(finding.told() for finding in findings)


def _reason(fault: Exception) -> str:
    """What its users are told of a run that failed."""
    if isinstance(fault, InvalidInput):
        return fault.detail
    words = fault.detail if isinstance(fault, HedgerowError) else f"{type(fault).__name__}."
    return f"The run failed {_TRIES} times, the last time with: {words}"
