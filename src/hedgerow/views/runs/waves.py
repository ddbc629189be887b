"""Waves: runs that begin together, parents before children; those below a failed one are skipped, and say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from hedgerow.jobs import Jobs
from hedgerow.views import lineage, shelf
from hedgerow.views.records import View
from hedgerow.views.runs import ledger
from hedgerow.views.runs.ledger import Run

RUN = "view_run"
WAVE = "view_wave"


def subject(view: View) -> str:
    """What jobs on a view are on: never do two of them run at once."""
    return f"view:{view.id}"


@dataclass(frozen=True, slots=True)
class Waves:
    """All within the caller's transaction, which has the project's lock."""

    jobs: Jobs

    def begin(self, session: Session, sequence: int, views: Sequence[View]) -> None:
        """Run those views, each after those of them that it reads, directly or through others."""
        wave = uuid4()
        idle = [view for view in views if not ledger.of_view(session, view.project_id, view.id, 1, active=True)]
        parents = _parents(session, idle)
        for view in idle:
            status = ledger.WAITING if parents[view.name] else ledger.RUNNING
            run = ledger.add(session, view.project_id, view.id, wave, status)
            if status == ledger.RUNNING:
                self._start(session, sequence, view, run)

    def advance(self, session: Session, sequence: int, run: Run) -> None:
        """After a run of the wave has ended: start what waited for it alone, or skip what cannot come any more."""
        runs = {each.view_id: each for each in ledger.of_wave(session, run.wave)}
        views = {view.id: view for view in shelf.by_ids(session, run.project_id, runs)}
        states = {view.name: runs[view_id].status for view_id, view in views.items()}
        parents = _parents(session, list(views.values()))
        for view_id, view in _in_order(views, parents):
            if states[view.name] != ledger.WAITING:
                continue
            # A parent that was deleted meanwhile is none any more.
            found = {name: states[name] for name in parents[view.name]}
            broken = [
                name for name, state in found.items() if state in {ledger.FAILED, ledger.CANCELLED, ledger.SKIPPED}
            ]
            if broken:
                said = f"Skipped: {broken[0]}, which it reads, was not refreshed ({found[broken[0]].lower()})."
                ledger.end(session, runs[view_id], ledger.SKIPPED, said)
                states[view.name] = ledger.SKIPPED
            elif all(state == ledger.COMPLETED for state in found.values()):
                ledger.start(session, runs[view_id].id)
                states[view.name] = ledger.RUNNING
                self._start(session, sequence, view, runs[view_id])

    def _start(self, session: Session, sequence: int, view: View, run: Run) -> None:
        shelf.change(session, view, sequence, {"status": ledger.RUNNING})
        self.jobs.enqueue(session, RUN, subject(view), {"run": str(run.id)}, project_id=view.project_id)


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


def _in_order(views: Mapping[UUID, View], parents: Mapping[str, set[str]]) -> list[tuple[UUID, View]]:
    """Those above first, so that one look tells all that are below a broken one."""
    left, done = dict(views), set[str]()
    ordered: list[tuple[UUID, View]] = []
    while left:
        ready = {key: view for key, view in left.items() if parents[view.name] <= done} or dict(left)
        ordered += list(ready.items())
        done |= {view.name for view in ready.values()}
        left = {key: view for key, view in left.items() if key not in ready}
    return ordered
