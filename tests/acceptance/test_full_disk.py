"""A disk that is full says so, keeps nothing of what did not fit, and the server goes on."""

import random
import sys
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.processes import free_port, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


def test_what_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    numbers = random.Random(1)
    rows = b"".join(b"%d,%x\n" % (n, numbers.getrandbits(128)) for n in range(700_000))
    key, home = token("phx_"), small_disk / "home"
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_UPLOAD_MAX_BYTES": str(1 << 30)}
    with start_server(home, environment) as server, server.client(key) as client:

        def upload(name: str, content: bytes) -> tuple[int, str]:
            files = {"file": ("t.csv", b"id,v\n" + content)}
            answer = client.post("/api/projects/1/warehouse_tables/file", data={"name": name}, files=files)
            return answer.status_code, answer.json().get("code", "")

        assert upload("before", b"1,2\n") == (201, "")
        assert upload("too_large_for_the_file", rows * 2) == (503, "no_space")
        assert upload("too_large_for_file_and_table", rows) == (503, "no_space")
        assert upload("after", b"1,2\n") == (201, "")
        names = [table["name"] for table in client.get("/api/projects/1/warehouse_tables").json()["results"]]
        assert names == ["after", "before"]
        assert list((home / "incoming").iterdir()) == []
        assert len([path for path in (home / "files").rglob("*") if path.is_file()]) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_what_a_server_prints_may_find_no_room(tmp_path: Path) -> None:
    key, port = token("phx_"), str(free_port())
    (tmp_path / f"home.serve.{port}.log").symlink_to("/dev/full")
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_PORT": port}) as server:
        with server.client(key) as client:
            for _ in range(3):
                query = {"query": {"kind": "HogQLQuery", "query": "select 1"}}
                assert client.post("/api/projects/1/query", json=query).json()["results"] == [[1]]
        assert server.stop() == 0
