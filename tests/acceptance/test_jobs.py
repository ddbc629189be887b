"""Jobs in real processes that are killed, stopped and shared."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hedgerow.jobs import Job, JobRoom, open_jobs
from hedgerow.store import Store, StoreFull
from tests.support.disks import fill
from tests.support.job_process import started

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
LEASE = 1.5


def until(check: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.01)
    return found


class Desk:
    """Asks for jobs and reads what their processes noted."""

    def __init__(self, store: Store, file: Path) -> None:
        self.store, self.file = store, file
        self.room: JobRoom = open_jobs(store, 0, LEASE)
        self.url = store.engine.url.render_as_string(hide_password=False)

    def enqueue(self, subject: str, seconds: float = 0) -> UUID:
        with self.store.write() as session:
            return self.room.jobs.enqueue(session, "work", subject, {"file": str(self.file), "seconds": seconds})

    def cancel(self, subject: str) -> None:
        with self.store.write() as session:
            assert self.room.jobs.cancel(session, subject) == 1

    def get(self, made: UUID) -> Job:
        with self.store.read() as session:
            job = self.room.jobs.get(session, made)
        assert job is not None
        return job

    def await_state(self, made: UUID, state: str) -> Job:
        until(lambda: self.get(made).state == state)
        return self.get(made)

    def lines(self, word: str) -> list[list[str]]:
        text = self.file.read_text() if self.file.exists() else ""
        return [line.split() for line in text.splitlines() if line.startswith(word + " ")]


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path / "notes")


def test_a_killed_workers_job_is_taken_over_after_its_lease(desk: Desk) -> None:
    with started(desk.url, lease=LEASE) as first, started(desk.url, lease=LEASE) as second:
        made = desk.enqueue("a", seconds=60)
        until(lambda: desk.lines("begin"))
        by_pid = {str(process.pid): process for process in (first, second)}
        until(lambda: desk.get(made).progress)
        by_pid[desk.lines("begin")[0][4]].send_signal(signal.SIGKILL)
        killed = time.time()
        job = desk.await_state(made, "done")
        assert (job.attempt, job.failures, job.result) == (2, 1, {"before": {"attempt": 1}})
        took = float(desk.lines("begin")[1][3]) - killed
        assert LEASE * 0.6 < took < LEASE * 4
        assert len(desk.lines("end")) == 1


def test_a_lone_worker_that_was_killed_goes_on_after_its_restart(desk: Desk) -> None:
    with started(desk.url, lease=LEASE) as first:
        made = desk.enqueue("a", seconds=60)
        until(lambda: desk.lines("begin"))
        first.send_signal(signal.SIGKILL)
        first.wait()
    with started(desk.url, lease=LEASE):
        assert desk.await_state(made, "done").attempt == 2


def test_a_cancel_reaches_another_process_within_a_second(desk: Desk) -> None:
    with started(desk.url):
        made = desk.enqueue("a", seconds=60)
        until(lambda: desk.lines("begin"))
        called = time.time()
        desk.cancel("a")
        noted = until(lambda: desk.lines("cancelled"))
        assert float(noted[0][3]) - called < 1
        assert desk.await_state(made, "cancelled").attempt == 1


def test_a_stopped_worker_gives_its_job_back(desk: Desk) -> None:
    with started(desk.url, lease=30) as first:
        made = desk.enqueue("a", seconds=60)
        until(lambda: desk.lines("begin"))
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0
    job = desk.get(made)
    assert (job.state, job.failures) == ("waiting", 0)
    with started(desk.url, lease=30):
        job = desk.await_state(made, "done")
    assert (job.attempt, job.failures) == (2, 0)


def test_two_processes_share_500_jobs_and_run_each_once(tmp_path: Path, postgres_store: Store) -> None:
    desk = Desk(postgres_store, tmp_path / "notes")
    with started(desk.url, 4), started(desk.url, 4):
        with postgres_store.write() as session:
            payload = {"file": str(desk.file), "seconds": 0.005}
            for number in range(500):
                desk.room.jobs.enqueue(session, "work", f"s{number}", payload)
        until(lambda: len(desk.lines("end")) >= 500, 60)
        time.sleep(0.5)
    begun = Counter(line[1] for line in desk.lines("begin"))
    assert begun == {f"s{number}": 1 for number in range(500)}
    assert len(desk.lines("end")) == 500
    shares = Counter(line[4] for line in desk.lines("begin"))
    assert len(shares) == 2
    assert min(shares.values()) >= 50


def test_a_paused_process_finds_its_job_gone(desk: Desk) -> None:
    """Stopped for longer than its lease, as a machine that sleeps: another takes over, and its own run ends."""
    with started(desk.url, lease=LEASE) as first, started(desk.url, lease=LEASE) as second:
        made = desk.enqueue("a", seconds=60)
        until(lambda: desk.lines("begin"))
        until(lambda: desk.get(made).progress)
        pid = desk.lines("begin")[0][4]
        process = first if str(first.pid) == pid else second
        process.send_signal(signal.SIGSTOP)
        assert desk.await_state(made, "done").attempt == 2
        process.send_signal(signal.SIGCONT)
        until(lambda: desk.lines("cancelled"))
        assert desk.get(made).attempt == 2
        assert [line[4] for line in desk.lines("end")] != [pid]


def enqueue_until_it_fails(desk: Desk) -> None:
    """What the store's log of changes has room for yet goes in."""
    for number in range(1000):
        desk.enqueue(f"filling{number}")


def test_a_job_that_ends_while_the_disk_is_full_is_written_down_later(small_disk: Path, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{small_disk / 'metadata.sqlite'}")
    store.migrate()
    desk = Desk(store, tmp_path / "notes")
    ballast = small_disk / "ballast"
    with started(desk.url, lease=LEASE) as process:
        made = desk.enqueue("a", seconds=1)
        until(lambda: desk.get(made).progress)
        with pytest.raises(OSError, match="No space left"):
            fill(ballast)
        with pytest.raises(StoreFull):
            enqueue_until_it_fails(desk)
        until(lambda: desk.lines("end"))
        time.sleep(LEASE)
        assert process.poll() is None
        ballast.unlink()
        job = desk.await_state(made, "done")
        assert (job.attempt, len([line for line in desk.lines("begin") if line[1] == "a"])) == (1, 1)
        after = desk.enqueue("after")
        desk.await_state(after, "done")
    store.dispose()


def test_work_refuses_a_folder_that_a_server_has(tmp_path: Path) -> None:
    environment = os.environ | {"HEDGEROW_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "hedgerow", "work"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert "works on 2 jobs at once" in owner.stdout.readline()
        refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        owner.send_signal(signal.SIGTERM)
        assert owner.wait(20) == 0
    assert refused.returncode == 1
    assert refused.stderr.startswith("hedgerow: The data folder ")
    assert f"is in use by process {owner.pid}" in refused.stderr
