"""A server killed in the middle of uploads: every table is whole or not there, and nothing else is left."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from hedgerow.kit.ids import token
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

_ROWS = 200_000
_CONTENT = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n) for n in range(_ROWS))


def _upload_until_refused(server: Server, key: str, name: str, done: list[str]) -> None:
    with server.client(key) as client:
        for number in range(100):
            try:
                answer = client.post(
                    "/api/projects/1/warehouse_tables/file/",
                    data={"name": f"{name}_{number}"},
                    files={"file": ("t.csv", _CONTENT)},
                )
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                done.append(f"{name}_{number}")


def test_killed_uploads_leave_whole_tables_only(tmp_path: Path) -> None:
    key, home = token("phx_"), tmp_path / "home"
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false"}
    acknowledged: list[str] = []
    with start_server(home, environment) as server:
        threads = [
            threading.Thread(target=_upload_until_refused, args=(server, key, f"t{n}", acknowledged)) for n in range(3)
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 30
        while len(acknowledged) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(server.process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        server.process.wait()
    with start_server(home, environment) as server, server.client(key) as client:
        tables = client.get("/api/projects/1/warehouse_tables/?limit=1000").json()["results"]
        assert {table["name"] for table in tables} >= set(acknowledged)
        assert {table["row_count"] for table in tables} == {_ROWS}
        for table in tables:
            assert client.get(table["url_pattern"]).content == _CONTENT
        assert list((home / "incoming").iterdir()) == []
        kept = [path for path in (home / "files").rglob("*") if path.is_file()]
        assert len(kept) == len(tables)
