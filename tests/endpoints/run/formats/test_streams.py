"""Large files: sent while they are made, ended by a hangup, left unfinished by a failure, in bounded memory."""

import asyncio
import csv
import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.endpoints.run.formats.growing import Growing, Head
from hedgerow.engine.errors import QueryTimeout
from hedgerow.engine.result import Progress
from tests.endpoints.conftest import Desk
from tests.support.apps import MakeApi

ROWS = 1_000_000
HEAD = Head(None, False, 0.0, 0.0)


@pytest.fixture
def large(make_app: MakeApi) -> Desk:
    """A project whose answers may hold a million rows."""
    return Desk(make_app(query_max_rows=ROWS))


class Client:
    """Talks ASGI to the application, so that it sees each piece as it comes."""

    def __init__(self, desk: Desk, name: str, suffix: str = "") -> None:
        self._desk = desk
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": f"/api/projects/{desk.api.project_id}/endpoints/e/run", "root_path": "",
            "query_string": f"format={name}{suffix}".encode(),
            "headers": [(b"authorization", f"Bearer {desk.api.key}".encode())],
            "server": ("testserver", 80), "client": ("client", 1),
        }  # fmt: skip
        self.status, self.headers, self.pieces, self.done = 0, {}, [], False
        self.pause = 0.0
        self._gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        if message.get("body"):
            self.pieces.append(message["body"])
            await asyncio.sleep(self.pause)
        self.done = not message.get("more_body", False)

    def hang_up(self) -> None:
        self._gone.set()

    async def ask(self) -> "Client":
        await self._desk.api.app(self.scope, self.receive, self.send)
        return self


def asked(desk: Desk, name: str) -> Client:
    async def ask() -> Client:
        return await Client(desk, name).ask()

    found: Client = desk.api.call(ask)
    return found


@pytest.mark.parametrize("name", ["csv", "ndjson", "arrow", "parquet"])
def test_a_large_file_comes_in_pieces(large: Desk, name: str) -> None:
    large.make(f"select number, hex(cityHash64(number)) as text from numbers({ROWS}) limit {ROWS}")
    found = asked(large, name)
    assert (found.status, found.done) == (200, True)
    assert b"content-length" not in found.headers
    assert found.headers[b"cache-control"].startswith(b"private, max-age=")
    assert len(found.pieces) > 3
    whole = b"".join(found.pieces)
    assert max(map(len, found.pieces)) < len(whole) / 3
    if name in ("csv", "ndjson"):
        lines = whole.decode().splitlines()
        assert len(lines) == ROWS + (name == "csv")
        assert [row[0] for row in csv.reader(lines[1:4])] == ["0", "1", "2"] or name == "ndjson"
    else:
        read = pa.ipc.open_stream(whole).read_all() if name == "arrow" else parquet.read_table(io.BytesIO(whole))
        assert (read.num_rows, read.column_names) == (ROWS, ["number", "text"])
        assert read["number"].to_pylist()[-1] == ROWS - 1


def test_the_first_bytes_do_not_wait_for_the_last(large: Desk) -> None:
    large.make(f"select number, repeat('x', 100) as text from numbers({ROWS}) limit {ROWS}")
    engine, name = large.api.house.engine, f"p{large.api.project_id}:early"
    found: list[Progress | None] = []

    class Looking(Client):
        """Looks at what the engine is doing before it takes the first bytes."""

        async def send(self, message: Any) -> None:
            if message.get("body") and not self.pieces:
                found.append(await engine.progress(name))
            await super().send(message)

    client: Client = large.api.call(Looking(large, "csv", "&client_query_id=early").ask)
    assert client.done
    assert found[0] is not None, "the query had ended before the first bytes went out"
    assert found[0].rows_read < ROWS


def test_a_hangup_ends_the_query(large: Desk) -> None:
    large.make(f"select number, number * 2 as twice from numbers(100000000000) limit {ROWS} offset 90000000000")
    engine, figures = large.api.house.engine, large.api.house.figures
    name = f"p{large.api.project_id}:hung"

    async def hang_up() -> None:
        client = Client(large, "csv", "&client_query_id=hung")
        request = asyncio.create_task(client.ask())
        async with asyncio.timeout(10):
            while figures.running != 1:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        client.hang_up()
        await asyncio.wait([request], timeout=10)
        async with asyncio.timeout(10):
            while figures.running or await engine.progress(name) is not None:
                await asyncio.sleep(0.02)

    large.api.call(hang_up)


def test_a_reader_who_hangs_up_in_the_middle_ends_the_query(large: Desk) -> None:
    large.make(f"select number, repeat('x', 100) as text from numbers(100000000) limit {ROWS}")
    figures = large.api.house.figures

    async def hang_up() -> Client:
        client = Client(large, "csv")
        client.pause = 0.2
        request = asyncio.create_task(client.ask())
        async with asyncio.timeout(10):
            while len(client.pieces) < 2:
                await asyncio.sleep(0.02)
        client.hang_up()
        await asyncio.wait([request], timeout=10)
        async with asyncio.timeout(10):
            while figures.running:
                await asyncio.sleep(0.02)
        return client

    assert not large.api.call(hang_up).done


def test_what_fails_in_the_middle_stays_unfinished(large: Desk) -> None:
    large.make(f"select intDiv(1, number - 900000) as n, repeat('x', 100) as t from numbers({ROWS}) limit {ROWS}")
    for name in ("csv", "arrow"):
        found = asked(large, name)
        assert found.status == 200
        assert found.pieces
        assert not found.done
        assert asked(large, name).headers[b"x-is-cached"] == b"false"


@pytest.mark.anyio
@pytest.mark.parametrize(("size", "whole"), [(10, b"x" * 10), (11, None)])
async def test_what_is_large_is_sent_in_pieces_however_fast_it_is_made(size: int, whole: bytes | None) -> None:
    growing = Growing(100, 1)
    growing.begin(HEAD)
    await growing.add(b"x" * size)
    growing.end()
    assert await growing.whole(1, 10) == whole
    assert await growing.take() == b"x" * size


@pytest.mark.anyio
async def test_what_is_large_is_not_waited_for() -> None:
    growing = Growing(100, 1)
    growing.begin(HEAD)
    await growing.add(b"x" * 11)
    async with asyncio.timeout(10):
        assert await growing.whole(3600, 10) is None


@pytest.mark.anyio
async def test_whoever_does_not_read_is_not_waited_for() -> None:
    growing = Growing(10, 0.05)
    growing.begin(HEAD)
    await growing.add(b"x" * 10)
    with pytest.raises(QueryTimeout):
        await growing.add(b"x")


@pytest.mark.anyio
async def test_what_went_wrong_comes_behind_what_was_made() -> None:
    growing = Growing(100, 1)
    growing.begin(HEAD)
    await growing.add(b"a")
    growing.end(QueryTimeout())
    assert await growing.take() == b"a"
    with pytest.raises(QueryTimeout):
        await growing.take()
