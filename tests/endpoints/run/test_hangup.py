"""A client that hangs up ends its run's query in the engine."""

import asyncio
from typing import Any

from tests.endpoints.conftest import Desk


def test_a_hangup_ends_the_query(desk: Desk) -> None:
    desk.make("select count() from numbers(1000000000000) where number % 7 = 3")
    app, engine = desk.api.app, desk.api.house.engine
    name = f"p{desk.api.project_id}:hung"
    body = b'{"client_query_id": "hung"}'
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": f"/api/projects/{desk.api.project_id}/endpoints/e/run", "query_string": b"", "root_path": "",
        "headers": [
            (b"authorization", f"Bearer {desk.api.key}".encode()), (b"content-length", str(len(body)).encode()),
        ],
        "server": ("testserver", 80), "client": ("client", 1),
    }  # fmt: skip

    async def running() -> bool:
        return await engine.progress(name) is not None

    async def hang_up() -> bool:
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        messages.put_nowait({"type": "http.request", "body": body, "more_body": False})

        async def send(_: Any) -> None:
            return None

        request = asyncio.create_task(app(scope, messages.get, send))
        await _until(running, True)
        messages.put_nowait({"type": "http.disconnect"})
        await asyncio.wait([request], timeout=10)
        await _until(running, False)
        return request.done()

    assert desk.api.call(hang_up)
    assert desk.api.get("/endpoints").status_code == 200


async def _until(ask: Any, wanted: bool) -> None:
    async with asyncio.timeout(10):
        while await ask() is not wanted:
            await asyncio.sleep(0.02)
