"""One job under way: its handler's task, what it reports, and why it was interrupted if it was."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from sqlalchemy.orm import Session

from hedgerow.jobs import claiming
from hedgerow.jobs.base import GiveUp, Handler, Job, JobLost, Policy

Interruption = Literal["cancelled", "stopped", "lost"]
_log = structlog.get_logger("hedgerow.jobs")


class Reports:
    """A `Control`: keeps the last report until it is written."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.unwritten: dict[str, Any] | None = None

    def progress(self, report: dict[str, Any]) -> None:
        self.unwritten = report

    def confirm(self, session: Session) -> None:
        if not claiming.holds(session, self._job):
            raise JobLost(f"The job {self._job.id} was taken away from this worker.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `step` writes it. `final` runs are over, the others begin anew."""

    name: str
    step: Callable[[Session], bool] | None
    error: str | None = None


class Run:
    """A run of one job. `interrupt` reaches the handler as `CancelledError`."""

    def __init__(self, job: Job, handler: Handler, policy: Policy) -> None:
        self.job, self.reports, self._policy = job, Reports(job), policy
        self.began = time.monotonic()
        self.interrupted: Interruption | None = None
        self._task = asyncio.create_task(_do(handler, job, self.reports), name=f"{job.kind} {job.subject}")

    @property
    def key(self) -> tuple[Any, int]:
        return (self.job.id, self.job.attempt)

    def interrupt(self, why: Interruption) -> None:
        """Cancel the handler, once."""
        if self.interrupted is None and not self._task.done():
            self.interrupted = why
            self._task.cancel()

    async def outcome(self, patience: asyncio.Event) -> Outcome:
        """Wait for the handler; a handler that does not end although `patience` is over is left behind."""
        impatient = asyncio.create_task(patience.wait())
        await asyncio.wait({self._task, impatient}, return_when=asyncio.FIRST_COMPLETED)
        impatient.cancel()
        with suppress(asyncio.CancelledError):
            await impatient
        if not self._task.done():
            return self._given_back()
        return self._ended()

    def _ended(self) -> Outcome:
        job = self.job
        if self._task.cancelled():
            if self.interrupted == "cancelled":
                return Outcome("cancelled", lambda s: claiming.end(s, job, "cancelled"))
            if self.interrupted == "stopped":
                return self._given_back()
            if self.interrupted == "lost":
                return Outcome("lost", None)
            return self._failed("The handler cancelled itself.", final=False)
        error = self._task.exception()
        if error is None:
            result = self._task.result()
            return Outcome("done", lambda s: claiming.end(s, job, "done", result=result, error=None))
        if self.interrupted == "lost" or isinstance(error, JobLost):
            return Outcome("lost", None)
        if self.interrupted == "cancelled":
            return Outcome("cancelled", lambda s: claiming.end(s, job, "cancelled", error=describe(error)))
        if self.interrupted == "stopped":
            return self._given_back()
        if self._policy.is_outage(error):
            return self._waiting(describe(error))
        return self._failed(describe(error), final=isinstance(error, (GiveUp, *self._policy.give_up_on)))

    def _given_back(self) -> Outcome:
        return Outcome("given_back", lambda s: claiming.give_back(s, self.job))

    def _waiting(self, text: str) -> Outcome:
        return Outcome("retried", lambda s: claiming.wait_out(s, self.job, text, self._policy), text)

    def _failed(self, text: str, *, final: bool) -> Outcome:
        job, policy = self.job, self._policy
        name = "failed" if final or job.failures + 1 >= policy.tries else "retried"
        return Outcome(name, lambda s: claiming.fail(s, job, text, policy, final=final), text)


async def _do(handler: Handler, job: Job, reports: Reports) -> dict[str, Any] | None:
    with structlog.contextvars.bound_contextvars(job=str(job.id), job_kind=job.kind):
        work: Awaitable[dict[str, Any] | None] = handler(job, reports)
        try:
            return await work
        except (GiveUp, JobLost, asyncio.CancelledError):
            raise
        except Exception:
            _log.exception("job raised", subject=job.subject, attempt=job.attempt)
            raise


def describe(error: BaseException) -> str:
    """The error's text for the history: its own words, or its type where it has none."""
    words = str(error)
    if isinstance(error, GiveUp):
        return words or "The handler gave up."
    return words if getattr(error, "detail", None) else f"{type(error).__name__}: {words}".rstrip(": ")
