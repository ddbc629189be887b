"""What jobs are to those who ask for them and to those who do them."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.kit.errors import HedgerowError

State = Literal["waiting", "running", "done", "failed", "cancelled"]


class GiveUp(Exception):
    """Raised by a handler: the job has failed, and trying again would not help. Its text goes into the history."""


class JobLost(HedgerowError):
    """The job was taken away from this worker meanwhile; whatever it did must not be kept."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stood when it was read.

    `attempt` counts the runs begun, this one included. `progress` is what the last run that reported had come to:
    where a job that was taken over may go on. `error` is the last failure's text, also while it waits for a retry.
    """

    id: UUID
    kind: str
    subject: str
    project_id: int | None
    payload: dict[str, Any]
    state: State
    attempt: int
    failures: int
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    cancel_wanted: bool
    error: str | None
    progress: dict[str, Any] | None
    result: dict[str, Any] | None


class Control(Protocol):
    """What a handler may do while its job runs."""

    def progress(self, report: dict[str, Any]) -> None:
        """Say how far it is, as JSON; cheap, and written at most every half second."""

    def confirm(self, session: Session) -> None:
        """Make sure, within the caller's transaction, that the job is still this worker's; raises `JobLost`.

        What is written in the same transaction is then written by one run only, also when a worker that was taken for
        dead comes back to life.
        """


Handler = Callable[[Job, Control], Awaitable[dict[str, Any] | None]]
"""Does a job; its answer is the job's `result`. `asyncio.CancelledError` reaches it when the job is cancelled, when the
process stops (the job is then given back and begins anew), and when the job was taken away. It may run more than once
for one job: what it does must bear that."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How jobs of one kind are tried, ordered and kept.

    What `is_outage` says of an error is no failure of the job's: it is tried again until the outage is over, after the
    same waits, but a minute at most. `on_failure` is called with the job and its error's text within the transaction
    that writes down that it has failed for good, also when that is because its workers died.

    The wait before try n+1 is `first_wait * 2**(n-1)`, at most `longest_wait`, and up to a fifth of it longer or
    shorter by chance. `keep` finished jobs stay per subject, none longer than `keep_for`. Higher `priority` goes first.
    `standing` jobs run on and on, and mostly wait: they take no other job's slot.
    """

    tries: int = 5
    first_wait: timedelta = timedelta(seconds=5)
    longest_wait: timedelta = timedelta(hours=1)
    give_up_on: tuple[type[Exception], ...] = ()
    priority: int = 0
    keep: int = 100
    keep_for: timedelta = timedelta(days=30)
    is_outage: Callable[[BaseException], bool] = lambda error: False
    standing: bool = False
    on_failure: Callable[[Session, Job, str], None] = lambda session, job, error: None

    def wait(self, failures: int) -> timedelta:
        """How long to wait after that many failures."""
        grown: timedelta = min(self.first_wait * 2.0 ** min(failures - 1, 40), self.longest_wait)
        return grown * random.uniform(0.8, 1.2)
