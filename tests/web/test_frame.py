"""The frame: request ids, security headers, log lines, metrics, odd paths."""

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from tests.support.in_process import InProcess
from tests.web.conftest import MakeApp, People


def test_request_id_of_the_caller_is_kept(web: InProcess) -> None:
    for path in ("/api/users/@me", "/nothing", "/boom"):
        answer = web.request("GET", path, headers={"X-Request-Id": "a-1_b.c:d"})
        assert answer.headers.get_list("x-request-id") == ["a-1_b.c:d"]


@pytest.mark.parametrize("identifier", ["", "x" * 129, "a b", "a\tb", '"quoted"', "ключ".encode()])
def test_request_id_that_is_not_sane_is_replaced(web: InProcess, identifier: str | bytes) -> None:
    answer = web.request("GET", "/nothing", headers=[("X-Request-Id", identifier)])
    given = answer.headers["x-request-id"]
    assert len(given) == 16
    assert int(given, 16) >= 0


def test_made_ids_differ(web: InProcess) -> None:
    ids = {web.request("GET", "/nothing").headers["x-request-id"] for _ in range(50)}
    assert len(ids) == 50


def test_security_headers_are_in_every_answer(web: InProcess) -> None:
    for path in ("/", "/nothing", "/boom", "/api/projects/1/things"):
        headers = web.request("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_front_door_leads_to_the_docs(web: InProcess) -> None:
    answer = web.request("GET", "/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/docs/")


def test_log_line_tells_the_request_and_no_secret(
    web: InProcess, people: People, capsys: pytest.CaptureFixture[str]
) -> None:
    key = people.add("phx_very_secret")
    web.request("GET", "/api/projects/1/things", params={"personal_api_key": key, "q": "shown?"})
    web.request("GET", "/api/projects/1/things", headers={"Authorization": f"Bearer {key}", "X-Request-Id": "id-7"})
    log = "".join(capsys.readouterr())
    assert log.count("path=/api/projects/1/things") == 2
    assert "status=200" in log
    assert "secret" not in log
    assert "shown?" not in log


def test_hangup_is_no_bug(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    web = make_app()

    async def gone(_: Request) -> Response:
        raise ClientDisconnect

    web.app.add_route("/gone", gone)
    web.request("GET", "/gone")
    log = "".join(capsys.readouterr())
    assert "status=499" in log
    assert "Traceback" not in log


def test_request_that_a_stop_cancels_is_told_so(make_app: MakeApp) -> None:
    web = make_app()

    async def forever(_: Request) -> Response:
        await asyncio.sleep(60)
        return Response()

    web.app.add_route("/forever", forever)

    async def cancelled() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {"type": "http", "method": "GET", "path": "/forever", "query_string": b"", "headers": []}
        task = asyncio.ensure_future(web.app(scope, receive, send))
        await asyncio.sleep(0.05)
        task.cancel()
        await task
        return sent

    start, body = web.call(cancelled)
    assert start["status"] == 503
    assert json.loads(body["body"])["detail"] == "The server is stopping."


def test_requests_are_counted_by_template_not_by_path(make_app: MakeApp, people: People) -> None:
    web = make_app()
    headers = {"Authorization": f"Bearer {people.add('phx_all')}"}
    for number in (1, 2):
        web.request("GET", f"/api/projects/{number}/things/00000000-0000-0000-0000-000000000001/", headers=headers)
    web.request("GET", "/api/unknown/1")
    web.request("GET", "/api/unknown/2")
    web.request("BREW", "/api/unknown/2")
    text = web.app.state.metrics.page().decode()
    template = 'route="/api/projects/{project_id}/things/{thing_id}"'
    assert f'hedgerow_http_requests_total{{method="GET",{template},status="200"}} 2.0' in text
    assert 'hedgerow_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
    assert 'method="OTHER"' in text
    assert "BREW" not in text
    assert f'hedgerow_http_request_seconds_count{{method="GET",{template}}} 2.0' in text
    assert "hedgerow_http_requests_running 0.0" in text
    assert "process_resident_memory_bytes" in text


def test_paths_of_slashes_alone(web: InProcess) -> None:
    assert [web.request("GET", f"http://testserver{path}").status_code for path in ("///", "/api//")] == [404] * 2
