"""The demo as a newcomer sees it: data loaded, endpoints answering, a second start at once, a clean stop."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import free_port

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
FLIGHTS = 336_776


class Demo:
    """A running `hedgerow demo`, its output as it comes."""

    def __init__(self, home: Path) -> None:
        environment = os.environ | {"HEDGEROW_HOME": str(home), "HEDGEROW_PORT": str(free_port())}
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "hedgerow", "demo"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line

    def await_text(self, text: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()
        return status


@contextmanager
def demo(home: Path) -> Iterator[Demo]:
    running = Demo(home)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def reach(output: str) -> tuple[str, dict[str, str]]:
    """The project's address and the headers of a request, from what the demo printed."""
    key, address = re.search(r"phx_\w+", output), re.search(r"http://[\w.:]+", output)
    assert key
    assert address
    return f"{address[0]}/api/projects/1", {"Authorization": f"Bearer {key[0]}"}


def materialize(endpoint: str, headers: dict[str, str]) -> None:
    """Switch it on, and wait for its first table."""
    httpx.patch(endpoint, json={"is_materialized": True}, headers=headers, timeout=30).raise_for_status()
    end = time.monotonic() + 30
    while not httpx.get(endpoint, headers=headers, timeout=30).json()["is_materialized"]:
        assert time.monotonic() < end
        time.sleep(0.1)


def checked_and_read(project: str, headers: dict[str, str]) -> None:
    """The view's table is published, its checks have passed, and an endpoint answers from it."""
    with httpx.Client(headers=headers, timeout=30) as api:

        def done() -> dict[str, Any] | None:
            views: list[dict[str, Any]] = api.get(f"{project}/warehouse_saved_queries/").json()["results"]
            return next((v for v in views if v["name"] == "carrier_days" and v["status"] == "Completed"), None)

        end = time.monotonic() + 60
        while (view := done()) is None:
            assert time.monotonic() < end
            time.sleep(0.1)
        [run] = api.get(f"{project}/warehouse_saved_queries/{view['id']}/run_history").json()["run_history"]
        # The one that warns has found something: a single flight to Honolulu made an airline's day very late.
        found = [(check["severity"], check["status"]) for check in run["checks"]]
        assert found == [("error", "passed")] * 4 + [("warn", "failed")], run["checks"]
        body = {"variables": {"month": 7}}
        rows = api.post(f"{project}/endpoints/rainy_days/run", json=body).json()["results"]
        assert len(rows) > 50
        assert rows[0][3] >= rows[-1][3]


def test_first_start_loads_and_second_starts_at_once(tmp_path: Path) -> None:
    with demo(tmp_path / "home") as first:
        first.await_text("Ctrl-C stops it", 120)
        assert f"table flights: {FLIGHTS:,} rows" in first.output
        command = re.search(r"  curl .*?(?=\n\n)", first.output, re.DOTALL)
        assert "view carrier_days: 5 data checks" in first.output
        assert "view carrier_days: made into a table, every day" in first.output
        assert f"source SQLite: sqlite.flights ({FLIGHTS:,} rows), kept in step every 6 hours" in first.output
        assert command, first.output
        done = subprocess.run(["bash", "-c", command[0]], capture_output=True, text=True, check=True)
        assert '"results":[[' in done.stdout.replace(" ", "")
        pull = re.search(r"\S+ endpoints pull .*", first.output)
        assert pull, first.output
        subprocess.run(["bash", "-c", f"{pull[0]} --into {tmp_path}/files"], check=True, capture_output=True)
        assert {file.stem for file in (tmp_path / "files").iterdir()} >= {"delays_by_carrier", "delays_by_wind"}
        project, headers = reach(first.output)
        checked_and_read(project, headers)
        # Whoever tries everything out: a materialized endpoint wants every variable.
        materialize(f"{project}/endpoints/delays_by_carrier/", headers)
        assert first.stop() == 0
        assert "Traceback" not in first.output

    with demo(tmp_path / "home") as second:
        second.await_text("Ctrl-C stops it", 30)
        assert "table flights" not in second.output
        assert "data checks" not in second.output
        assert "source SQLite" not in second.output
        project, headers = reach(second.output)
        count = {"query": {"kind": "HogQLQuery", "query": "select count() from sqlite.flights"}}
        answer = httpx.post(f"{project}/query/", json=count, headers=headers, timeout=30)
        assert answer.json()["results"] == [[FLIGHTS]]
        assert second.stop() == 0
