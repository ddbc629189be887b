"""A process that runs jobs over a store, for tests that kill it: `python -m tests.support.job_process URL SLOTS LEASE`.

Its kinds write lines into the file that the payload names, each in one piece: `begin`, `cancelled` and `end`, with the
subject, the attempt and the time.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hedgerow.jobs import Control, Job, open_jobs
from hedgerow.store import Store
from hedgerow.web.telemetry import logs


def note(job: Job, word: str) -> None:
    """Write a line."""
    line = f"{word} {job.subject} {job.attempt} {time.time()} {os.getpid()}\n".encode()
    target = os.open(job.payload["file"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(target, line)
    os.close(target)


async def work(job: Job, control: Control) -> dict[str, Any]:
    """Take `seconds` at the first attempt and no time later."""
    note(job, "begin")
    control.progress({"attempt": job.attempt})
    try:
        await asyncio.sleep(job.payload.get("seconds", 0) if job.attempt == 1 else 0)
    except asyncio.CancelledError:
        note(job, "cancelled")
        raise
    note(job, "end")
    return {"before": job.progress}


async def main(url: str, slots: int, lease: float) -> None:
    """Work until SIGTERM."""
    logs.configure("info", "json")
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    store = Store(url)
    room = open_jobs(store, slots, lease)
    room.kinds.register("work", work)
    await room.worker.start()
    print("ready", flush=True)
    await stop.wait()
    await room.worker.close()
    store.dispose()


@contextmanager
def started(url: str, slots: int = 2, lease: float = 1.0) -> Iterator["subprocess.Popen[str]"]:
    """Such a process, ready; killed afterwards if it still runs."""
    command = [sys.executable, "-m", "tests.support.job_process", url, str(slots), str(lease)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
