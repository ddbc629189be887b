"""Puts the room together from what is open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.checks import shelf
from hedgerow.checks.records import Check, Finding, Result
from hedgerow.checks.running import Looking
from hedgerow.checks.watching import LOOK, POLICY, Watching
from hedgerow.engine.base import Engine
from hedgerow.jobs import JobRoom
from hedgerow.kit.settings import Settings
from hedgerow.store import Store
from hedgerow.warehouse.catalog import Catalogs


@dataclass(frozen=True, slots=True)
class Checks:
    """The room."""

    store: Store
    catalogs: Catalogs
    looking: Looking
    watching: Watching

    def latest(self, project_id: int, target_id: UUID) -> list[tuple[Check, Result | None]]:
        """A target's checks, each with what it found last. Blocking."""
        with self.store.read() as session:
            checks = shelf.of_target(session, project_id, target_id)
            found = shelf.latest(session, project_id, checks)
        return [(check, found.get(check.id)) for check in checks]

    def enabled(self, session: Session, project_id: int) -> dict[UUID, list[Check]]:
        """All checks of a project that are looked at, by target."""
        return shelf.of_project(session, project_id)

    def any_of(self, session: Session, project_id: int, target_ids: Iterable[UUID]) -> bool:
        """Whether one of the targets has a check that is looked at."""
        return shelf.any_of(session, project_id, target_ids)

    def note(self, session: Session, findings: Sequence[Finding], run_id: UUID) -> None:
        """Keep what a run of a view found."""
        shelf.note(session, findings, run_id)

    def drop_of(self, session: Session, project_id: int, target_id: UUID) -> None:
        """Forget the checks of a view or table that is gone."""
        shelf.drop_of(session, project_id, target_id)


def open_checks(store: Store, engine: Engine, catalogs: Catalogs, jobs: JobRoom, settings: Settings) -> Checks:
    """Everything data checks need, bound together."""
    looking = Looking(store, engine, catalogs, settings)
    watching = Watching(jobs.jobs, looking)
    jobs.kinds.register(LOOK, watching.run, POLICY)
    return Checks(store, catalogs, looking, watching)
