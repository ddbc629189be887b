"""Waves: runs that begin together, parents before children; those below a failed one are skipped, and say so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from hedgerow.jobs import Jobs
from hedgerow.views import lineage, shelf
from hedgerow.views.records import View
from hedgerow.views.runs import ledger
from hedgerow.views.runs.ledger import Run

RUN = "view_run"
WAVE = "view_wave"
_BROKEN = {ledger.FAILED, ledger.CANCELLED, ledger.SKIPPED}


def subject(view: View) -> str:
    """What jobs on a view are on: never do two of them run at once."""
    return f"view:{view.id}"


@dataclass(frozen=True, slots=True)
class Waves:
    """All within the caller's transaction, which has the project's lock."""

    jobs: Jobs

    def begin(
        self, session: Session, sequence: int, views: Sequence[View], unchanged: Collection[UUID] = frozenset()
    ) -> int:
        """Run those views, each after those that it reads, directly or through others, and that run, in any wave.

        Of those `unchanged`, only what is below a view that runs is run; how many were left alone.
        """
        if not views:
            return 0
        project_id, wave = views[0].project_id, uuid4()
        active = {run.view_id: run.id for run in ledger.active(session, project_id)}
        idle = [view for view in views if view.id not in active]
        busy = shelf.by_ids(session, project_id, active)
        parents = _parents(session, [*idle, *busy])
        runs, still = {view.name: active[view.id] for view in busy}, []
        for view in _in_order(idle, parents):
            awaited = sorted(runs[name] for name in parents[view.name] if name in runs)
            if view.id in unchanged and not awaited:
                still.append(view.id)
                continue
            run = ledger.add(session, project_id, view.id, wave, awaited)
            runs[view.name] = run.id
            if not awaited:
                self._start(session, sequence, view, run.id)
        if still:
            ledger.unchanged(session, project_id, still, wave)
        return len(still)

    def run(self, session: Session, sequence: int, view: View, wish: Mapping[str, Any] | None = None) -> None:
        """Run one now, whatever has changed and whatever else runs; nothing when it runs or waits already."""
        if not ledger.of_view(session, view.project_id, view.id, 1, active=True):
            run = ledger.add(session, view.project_id, view.id, uuid4())
            self._start(session, sequence, view, run.id, wish)

    def advance(self, session: Session, sequence: int, run: Run) -> None:
        """After a run has ended: start what waited for it alone, or skip what cannot come any more."""
        ended = [run.id]
        while ended:
            last = ended.pop()
            for child in ledger.awaiting(session, run.project_id, last):
                states = ledger.states(session, {last, *child.awaits})
                view_id, status = states[last]
                if status in _BROKEN:
                    name = next((view.name for view in shelf.by_ids(session, run.project_id, [view_id])), "a view")
                    said = f"Skipped: {name}, which it reads, was not refreshed ({status.lower()})."
                    ledger.end(session, child, ledger.SKIPPED, said)
                    ended.append(child.id)
                elif all(state == ledger.COMPLETED for _, state in states.values()):
                    for view in shelf.by_ids(session, run.project_id, [child.view_id]):
                        ledger.start(session, child.id)
                        self._start(session, sequence, view, child.id)

    def _start(
        self, session: Session, sequence: int, view: View, run_id: UUID, wish: Mapping[str, Any] | None = None
    ) -> None:
        shelf.change(session, view, sequence, {"status": ledger.RUNNING})
        payload = {"run": str(run_id), **(wish or {})}
        self.jobs.enqueue(session, RUN, subject(view), payload, project_id=view.project_id)


def _parents(session: Session, views: Sequence[View]) -> dict[str, set[str]]:
    """Of each view the nearest ones among `views` that it reads, also through views that are not among them."""
    among = {view.name for view in views}
    edges = _edges_above(session, views)
    found: dict[str, set[str]] = {}
    for view in views:
        reads, front, seen = set[str](), [view.name], {view.name}
        while front:
            above = {name for each in front for name in edges.get(each, ())}
            reads |= above & among
            front = sorted(above - among - seen)
            seen |= above
        found[view.name] = reads - {view.name}
    return found


def _edges_above(session: Session, views: Sequence[View]) -> dict[str, list[str]]:
    """What those views and all above them read: a few queries, however many views there are."""
    edges: dict[str, list[str]] = {}
    front, seen = sorted(view.name for view in views), set[str]()
    while front:
        level = lineage.parents_of(session, views[0].project_id, front)
        edges |= level
        seen |= set(front)
        front = sorted({name for names in level.values() for name in names} - seen)
    return edges


def _in_order(views: Sequence[View], parents: Mapping[str, set[str]]) -> list[View]:
    """Those above first."""
    left, ordered = {view.name: view for view in views}, list[View]()
    while left:
        ready = [view for name, view in left.items() if not parents[name] & left.keys()] or list(left.values())
        ordered += ready
        done = {view.name for view in ready}
        left = {name: view for name, view in left.items() if name not in done}
    return ordered
