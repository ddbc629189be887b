"""What starts, schedules and ends runs: materialize, revert, run, cancel, resume, another frequency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.jobs import JobRoom
from hedgerow.kit.errors import BareError, InvalidInput
from hedgerow.materialize import Tables
from hedgerow.store import Store
from hedgerow.views import shelf
from hedgerow.views.notes import note
from hedgerow.views.records import RESUMED, View
from hedgerow.views.runs import ledger
from hedgerow.views.runs.increments import AS_PLANNED, Wish, wished
from hedgerow.views.runs.ledger import Run
from hedgerow.views.runs.waves import WAVE, Waves, subject
from hedgerow.warehouse.catalog import Catalogs

_EVERY: Mapping[str, timedelta] = {
    **{f"{minutes}min": timedelta(minutes=minutes) for minutes in (5, 15, 30)},
    **{f"{hours}hour": timedelta(hours=hours) for hours in (1, 6, 12, 24)},
    **{f"{days}day": timedelta(days=days) for days in (7, 30)},
}
_DAILY = "24hour"


@dataclass(frozen=True, slots=True)
class Materializing:
    """Methods block: call them from threads. Those with a session are for a caller who has the project's lock."""

    store: Store
    catalogs: Catalogs
    tables: Tables
    jobs: JobRoom
    waves: Waves

    def materialize(self, view: View, user_id: int, frequency: str | None = None) -> View:
        """Make a view into a table now and then; once a day unless told. Again: nothing, but for the frequency."""
        _refuse_managed(view, "materialize")
        with self.store.write() as session:
            sequence = shelf.lock(session, view.project_id)
            present = shelf.get(session, view.project_id, view.id)
            wanted = frequency or present.sync_frequency or _DAILY
            if present.is_materialized and present.sync_frequency == wanted and not present.suspended:
                return present
            values = {"is_materialized": True, "sync_frequency": wanted, **RESUMED}
            changed = shelf.change(session, present, sequence, values)
            self.reschedule(session, view.project_id, present.sync_frequency, wanted)
            if not present.is_materialized or present.physical is None:
                self.waves.run(session, sequence, changed)
            note(session, changed, user_id, "materialization_enabled", present)
            return shelf.get(session, view.project_id, view.id)

    def revert(self, view: View, user_id: int) -> View:
        """Be a plain view again; its table goes when queries under way have ended."""
        _refuse_managed(view, "revert")
        with self.store.write() as session:
            sequence = shelf.lock(session, view.project_id)
            present = shelf.get(session, view.project_id, view.id)
            self.give_up(session, sequence, present)
            told = ("sync_frequency", "last_run_at", "latest_error", "status")
            blank = dict.fromkeys((*told, "physical", "incremental_state"))
            changed = shelf.change(session, present, sequence, {**blank, "is_materialized": False, **RESUMED})
            self.reschedule(session, view.project_id, present.sync_frequency, None)
            if present.is_materialized:
                note(session, changed, user_id, "materialization_disabled", present)
        self.catalogs.forget(view.project_id)
        return changed

    def run(self, view: View, user_id: int, wish: Wish = AS_PLANNED) -> View:
        """Make it into a table now; nothing more when that is under way. Raises `InvalidInput` for a wish."""
        _check(view, wish)
        with self.store.write() as session:
            sequence = shelf.lock(session, view.project_id)
            present = shelf.get(session, view.project_id, view.id)
            self.waves.run(session, sequence, present, wish.told())
            note(session, present, user_id, "sync_triggered", present)
            return shelf.get(session, view.project_id, view.id)

    def run_together(self, project_id: int, view_ids: Sequence[UUID], user_id: int) -> list[Run]:
        """Make several into tables in one wave, parents first; their runs, also of those that ran already.

        Raises `InvalidInput`.
        """
        with self.store.write() as session:
            sequence = shelf.lock(session, project_id)
            wanted = set(view_ids)
            views = shelf.by_ids(session, project_id, wanted)
            if unknown := wanted - {view.id for view in views}:
                raise InvalidInput(f"No such view: {min(map(str, unknown))}.", attr="view_ids")
            self.waves.begin(session, sequence, views)
            for view in views:
                note(session, view, user_id, "sync_triggered", view)
            return [run for run in ledger.active(session, project_id) if run.view_id in wanted]

    def cancel(self, view: View, user_id: int) -> View:
        """End the run that is under way; the last good table goes on serving."""
        with self.store.write() as session:
            sequence = shelf.lock(session, view.project_id)
            present = shelf.get(session, view.project_id, view.id)
            if not self.stop(session, sequence, present):
                raise BareError(400, {"error": "Cannot cancel a query that is not running"})
            changed = shelf.change(session, present, sequence, {"status": ledger.CANCELLED})
            note(session, changed, user_id, "sync_cancelled", present)
            return changed

    def resume(self, project_id: int, view_ids: Sequence[UUID]) -> None:
        """Make sure that those views are scheduled, also after failures; those that never were are passed over."""
        with self.store.write() as session:
            sequence = shelf.lock(session, project_id)
            for view in shelf.by_ids(session, project_id, view_ids):
                if view.is_materialized and view.sync_frequency:
                    self.reschedule(session, project_id, None, view.sync_frequency)
                if view.failures:
                    shelf.change(session, view, sequence, RESUMED)

    def history(self, view: View, limit: int) -> list[tuple[Run, Mapping[str, object] | None]]:
        """Runs, newest first, each with how far it is if it runs."""
        with self.store.read() as session:
            runs = ledger.of_view(session, view.project_id, view.id, limit)
            current = self.jobs.jobs.current(session, subject(view)) if runs and runs[0].status in ledger.ACTIVE else []
        progress = current[0].progress if current else None
        return [(run, progress if run.status == ledger.RUNNING else None) for run in runs]

    # --- for a caller with the lock

    def stop(self, session: Session, sequence: int, view: View) -> bool:
        """End a view's run, if one is under way or waits; what waits for it is skipped."""
        runs = ledger.of_view(session, view.project_id, view.id, 10, active=True)
        self.jobs.jobs.cancel(session, subject(view))
        for run in runs:
            ledger.end(session, run, ledger.CANCELLED)
            self.waves.advance(session, sequence, run)
        return bool(runs)

    def give_up(self, session: Session, sequence: int, view: View) -> None:
        """End its run and let its table go: the text has changed, or the view is no more."""
        self.stop(session, sequence, view)
        if view.physical:
            self.tables.retire(session, [view.physical])

    def reschedule(self, session: Session, project_id: int, old: str | None, new: str | None) -> None:
        """A view's frequency has changed: waves of the new one come; those of the old one end if it was the last."""
        if new is not None:
            every = _EVERY[new]
            spread = timedelta(minutes=1 if every <= timedelta(hours=1) else 30 if every <= timedelta(hours=12) else 60)
            place, payload = _wave_subject(project_id, new), {"frequency": new}
            self.jobs.schedules.set(session, place, WAVE, payload, every, project_id=project_id, jitter=spread)
        if old is not None and old != new and not shelf.scheduled(session, project_id, old):
            self.jobs.schedules.remove(session, _wave_subject(project_id, old))


def _check(view: View, wish: Wish) -> None:
    if not wish.is_range:
        return
    if view.incremental is None:
        raise InvalidInput("Only an incremental model can be made anew in part.", attr="from")
    if wish.full:
        raise InvalidInput("A full run has no range.", attr="full_refresh")
    kind = next((c.clickhouse for c in view.columns if c.name == view.incremental.incremental_key), None)
    if kind is not None:
        wished(wish, kind)


def _wave_subject(project_id: int, frequency: str) -> str:
    return f"views:{project_id}:{frequency}"


def _refuse_managed(view: View, what: str) -> None:
    if view.managed_viewset_kind:
        said = "materialize a query" if what == "materialize" else "revert materialization of a query"
        raise BareError(400, {"error": f"Cannot {said} from a managed viewset."})
