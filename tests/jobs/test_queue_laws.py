"""Laws of the queue under any sequence of wishes, runs, failures, deaths and cancels."""

import itertools
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from hedgerow.jobs import Job, Policy, claiming, living, open_jobs
from hedgerow.jobs.rows import JobRow
from hedgerow.store import Store

KINDS, SUBJECTS, WORKERS = ("refresh", "drop"), ("a", "b", "c"), ("w1", "w2")
POLICY = Policy(tries=3, first_wait=timedelta(0))
_folder = tempfile.TemporaryDirectory()
_store = Store(f"sqlite:///{Path(_folder.name) / 'metadata.sqlite'}")
_store.migrate()


async def _nothing(job: Job, control: Any) -> None:
    return None


class Queue(RuleBasedStateMachine):
    """A wish is served by a run of its kind and subject that began after it, and ended."""

    def __init__(self) -> None:
        super().__init__()
        self.time = itertools.count()
        self.room = open_jobs(_store, 0, 30)
        for kind in KINDS:
            self.room.kinds.register(kind, _nothing, POLICY)
        self.running: dict[str, tuple[Job, int]] = {}
        self.wishes: list[tuple[str, str, UUID, int]] = []
        self.ended: list[tuple[str, str, int]] = []
        self.seen: dict[UUID, int] = {}
        with _store.write() as session:
            for table in ("jobs", "workers"):
                session.execute(text(f"DELETE FROM {table}"))
            for worker in WORKERS:
                living.enter(session, worker, alone=False)

    @rule(kind=st.sampled_from(KINDS), subject=st.sampled_from(SUBJECTS), unique=st.booleans())
    def wish(self, kind: str, subject: str, unique: bool) -> None:
        with _store.write() as session:
            made = self.room.jobs.enqueue(session, kind, subject, unique=unique)
        assert made not in self.running_ids(), "a wish never joins a run that has begun"
        self.wishes.append((kind, subject, made, next(self.time)))

    @rule(worker=st.sampled_from(WORKERS))
    def claim(self, worker: str) -> None:
        with _store.write() as session:
            job = claiming.claim(session, worker, KINDS)
        if job is None:
            return
        assert job.subject not in self.running, "two runs of one subject"
        assert job.attempt == self.seen.get(job.id, 0) + 1
        self.seen[job.id] = job.attempt
        self.running[job.subject] = (job, next(self.time))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), how=st.sampled_from(["done", "retry", "give up", "give back"]))
    def end(self, data: st.DataObject, how: str) -> None:
        job, began = self.running.pop(data.draw(st.sampled_from(sorted(self.running))))
        with _store.write() as session:
            if how == "done":
                assert claiming.end(session, job, "done", result=None)
            elif how == "give back":
                assert claiming.give_back(session, job)
            else:
                assert claiming.fail(session, job, "no", POLICY, final=how == "give up")
            again = self.room.jobs.get(session, job.id)
            assert not claiming.end(session, job, "done"), "a run ends once"
        assert again is not None
        if again.state != "waiting":
            self.ended.append((job.kind, job.subject, began))

    @rule(worker=st.sampled_from(WORKERS))
    def die(self, worker: str) -> None:
        with _store.write() as session:
            living.leave(session, worker)
            assert claiming.claim(session, worker, KINDS) is None, "who was taken for dead takes nothing"
            lost = {job.subject for job in claiming.rescue(session, self.room.kinds)}
            living.enter(session, worker, alone=False)
        assert lost == {subject for subject, (job, _) in self.running.items() if job.worker == worker}
        for subject in lost:
            job, began = self.running.pop(subject)
            with _store.write() as session:
                assert not claiming.holds(session, job), "who was taken for dead holds nothing"
                again = self.room.jobs.get(session, job.id)
            assert again is not None
            if again.state != "waiting":
                self.ended.append((job.kind, job.subject, began))

    @rule(subject=st.sampled_from(SUBJECTS))
    def cancel(self, subject: str) -> None:
        with _store.write() as session:
            self.room.jobs.cancel(session, subject)
        self.wishes = [wish for wish in self.wishes if wish[1] != subject]
        if subject in self.running:
            job, _ = self.running.pop(subject)
            with _store.write() as session:
                assert claiming.held(session, str(job.worker))[job.id, job.attempt]
                assert claiming.end(session, job, "cancelled")

    @invariant()
    def the_store_says_the_same(self) -> None:
        with _store.read() as session:
            rows = session.query(JobRow).filter(JobRow.state == "running").all()
        assert sorted(row.subject for row in rows) == sorted(self.running)

    def teardown(self) -> None:
        """Run whatever is left; then every wish that nobody called off has been served."""
        while self.running:
            subject = next(iter(self.running))
            job, began = self.running.pop(subject)
            with _store.write() as session:
                claiming.end(session, job, "done")
            self.ended.append((job.kind, job.subject, began))
        while True:
            before = len(self.running)
            self.claim("w1")
            if len(self.running) == before:
                break
            ((subject, (job, began)),) = self.running.items()
            with _store.write() as session:
                claiming.end(session, job, "done")
            self.running.clear()
            self.ended.append((job.kind, subject, began))
        for kind, subject, made, at in self.wishes:
            served = [began for k, s, began in self.ended if (k, s) == (kind, subject) and began > at]
            assert served, f"lost: {kind} {subject} {made}"
        with _store.read() as session:
            left = session.query(JobRow).filter(JobRow.state.in_(("waiting", "running"))).count()
        assert left == 0

    def running_ids(self) -> set[UUID]:
        return {job.id for job, _ in self.running.values()}


Queue.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueue = Queue.TestCase
