"""A mixed load for as long as is said: runs of every kind, uploads, new versions and refreshes, every answer checked.

`python -m bench soak --minutes 30` reports errors, times by kind, the server's memory, and what is left behind.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.table import Measured, show
from hedgerow.kit.ids import token
from tests.support.built_tables import built, busy, embedded_tables, until
from tests.support.endpoint_desk import CITIES, ENDPOINT, PROJECT, Desk, expected, query
from tests.support.processes import Server, start_server

_KEPT_VERSIONS = 5
_BIG_ROWS = 100_000
_FLAT = 1.10
"""Memory at the end, by that in the middle."""


@dataclass
class Notes:
    """What happened, by kind: seconds each took, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def again(self, kind: str, pause: float, work: Callable[[], None]) -> None:
        """Do something until the end, with a pause between."""
        while not self.stop.wait(pause):
            began = time.perf_counter()
            try:
                work()
            except (AssertionError, httpx.HTTPError) as error:
                self.errors[f"{kind}: {type(error).__name__} {str(error)[:200]}"] += 1
            self.seconds[kind].append(time.perf_counter() - began)


def main() -> None:
    """Load, watch, report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    minutes = parser.parse_known_args(sys.argv[1:])[0].minutes
    key, notes = token("phx_"), Notes()
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false", "HEDGEROW_LOG_LEVEL": "error"}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        with start_server(home, environment) as server:
            with server.client(key) as client:
                desk = Desk(client)
                desk.prepare()
                _upload_big(client, 0)
            _soak(server, key, notes, minutes * 60)
            until(lambda: not [job for job in busy(home) if job[2] == "running" or job[0] == "endpoint_refresh"])
        left = len(_strays(home))
    _report(notes, minutes, left)


def _soak(server: Server, key: str, notes: Notes, seconds: float) -> None:
    hands = [threading.Thread(target=hand) for hand in _hands(server, key, notes)]
    began = time.monotonic()
    for hand in hands:
        hand.start()
    while (passed := time.monotonic() - began) < seconds:
        notes.memory.append((passed, _resident_mb(server.process.pid)))
        assert server.process.poll() is None, server.log[-3000:]
        time.sleep(1)
    notes.stop.set()
    for hand in hands:
        hand.join()


def _hands(server: Server, key: str, notes: Notes) -> Iterator[Callable[[], None]]:
    """Each has a client of its own."""

    def desk() -> Desk:
        return Desk(server.client(key))

    def runs(refresh: str, pause: float) -> Callable[[], None]:
        mine, cities = desk(), itertools.cycle(range(CITIES))

        def run() -> None:
            city = next(cities)
            rows, _ = mine.run(1, city, refresh)
            assert rows == expected(1, city), f"wrong rows: {rows}"

        return lambda: notes.again(f"run, {refresh}", pause, run)

    yield runs("cache", 0.002)
    yield runs("cache", 0.002)
    yield runs("force", 0.01)
    yield runs("direct", 0.01)
    yield _newest(desk(), notes)
    yield _swaps(desk(), notes)
    yield _bumps(desk(), notes)
    yield _uploads(desk().client, notes)


def _newest(desk: Desk, notes: Notes) -> Callable[[], None]:
    """Runs of whatever version is current: inline until its tables are there."""

    def run() -> None:
        plus = desk.current()
        rows, _ = desk.run(plus)
        assert rows == expected(plus, 1), f"wrong rows: {rows}"

    return lambda: notes.again("run, newest version", 0.05, run)


def _swaps(desk: Desk, notes: Notes) -> Callable[[], None]:
    buckets = itertools.cycle(["hour", "day"])
    return lambda: notes.again("swap", 2.0, lambda: _swap(desk, next(buckets)))


def _swap(desk: Desk, bucket: str) -> None:
    desk.change(1, bucket_overrides={"ts": bucket})
    desk.completes(1)


def _bumps(desk: Desk, notes: Notes) -> Callable[[], None]:
    """A version more, with tables; the last few keep theirs."""

    def bump() -> None:
        number = desk.change(query=query(desk.current() + 1), is_materialized=True)["current_version"]
        desk.completes(number)
        if number - _KEPT_VERSIONS > 1:
            desk.change(number - _KEPT_VERSIONS, is_materialized=False)

    return lambda: notes.again("version bump", 5.0, bump)


def _uploads(client: httpx.Client, notes: Notes) -> Callable[[], None]:
    """A table's rows replaced, and read; and the table that the endpoint reads."""
    numbers, desk = itertools.count(1), Desk(client)

    def upload() -> None:
        number = next(numbers)
        _upload_big(client, number)
        body = {"query": {"kind": "HogQLQuery", "query": "select count(), min(n), max(n) from big"}}
        answer = client.post(f"{PROJECT}/query", json=body)
        assert answer.json()["results"] == [[_BIG_ROWS, number, number]], answer.text
        if number % 5 == 0:
            desk.reload()

    return lambda: notes.again("upload and query", 3.0, upload)


def _upload_big(client: httpx.Client, number: int) -> None:
    files = {"file": ("big.csv", b"n,text\n" + b"%d,some words of a row\n" % number * _BIG_ROWS)}
    answer = client.post(f"{PROJECT}/warehouse_tables/file", data={"name": "big"}, files=files)
    assert answer.is_success, answer.text


def _strays(home: Path) -> set[str]:
    """Tables nobody knows, and tables that should serve and are not there.

    One that was being dropped at the end may be gone before its row.
    """
    rows, tables = built(home), embedded_tables(home)
    return (tables - rows.keys()) | ({name for name, state in rows.items() if state == "live"} - tables)


def _report(notes: Notes, minutes: float, left: int) -> None:
    lines = []
    for kind, seconds in sorted(notes.seconds.items()):
        ordered = sorted(seconds)
        p50, p99 = ordered[len(ordered) // 2] * 1e3, ordered[len(ordered) * 99 // 100] * 1e3
        lines.append(Measured(f"{kind} ({len(ordered):,}): p99; floor: p50", p99, p50, "ms", ""))
    start, middle, end = (_around(notes.memory, part) for part in (0.1, 0.55, 0.97))
    slope = _slope(notes.memory[len(notes.memory) // 2 :])
    wrong = sum(notes.errors.values())
    lines += [
        Measured("memory a tenth in; floor: in the middle", start, middle, "MB", ""),
        Measured("memory at the end; floor: in the middle", end, middle, "MB", f"<= {_FLAT}", end <= _FLAT * middle),
        Measured("  grows an hour, by the second half", slope * 3600, 0.0, "MB", ""),
        Measured("errors", wrong, 0.0, "", "0", wrong == 0),
        Measured("tables left behind", left, 0.0, "", "0", left == 0),
    ]
    show(f"A mixed load of {minutes:g} minutes on {ENDPOINT.rsplit('/', 1)[1]}", lines)
    for error, times in notes.errors.most_common(10):
        print(f"  {times} times: {error}")


def _around(memory: list[tuple[float, float]], part: float) -> float:
    """The median about that part of the time."""
    middle, width = int(len(memory) * part), max(len(memory) // 33, 1)
    return statistics.median(mb for _, mb in memory[max(middle - width, 0) : middle + width + 1])


def _slope(memory: list[tuple[float, float]]) -> float:
    """MB a second, by least squares."""
    return statistics.linear_regression(*zip(*memory, strict=True)).slope if len(memory) > 2 else 0.0


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
