"""What odd clients put on the wire: huge promises, half bodies, broken HTTP, hang-ups."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
KEY = "phx_the_key_of_the_wire_tests_0001"
POST = f"POST /api/projects/1/insight_variables HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("wire") / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as running:
        yield running


def say(server: Server, text: str, seconds: float = 5) -> str:
    """What the server answers until it closes, or falls silent."""
    with connected(server) as connection:
        connection.settimeout(seconds)
        connection.sendall(text.encode("latin-1"))
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer and b"}" in answer.split(b"\r\n\r\n", 1)[1]:
                    break
        except TimeoutError:
            pass
        return answer.decode()


def connected(server: Server) -> socket.socket:
    port = int(server.url.rsplit(":", 1)[1])
    return socket.create_connection(("127.0.0.1", port), 5)


def test_huge_body_is_refused_before_it_is_sent(server: Server) -> None:
    answer = say(server, POST + "Content-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n{")
    assert answer.startswith("HTTP/1.1 413")
    assert "request_too_large" in answer


def test_chunked_body_is_a_body(server: Server) -> None:
    answer = say(
        server, POST + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    assert answer.startswith("HTTP/1.1 400")
    assert '"code":"required"' in answer


@pytest.mark.parametrize(
    "text", ["no http at all\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_not_http_is_a_400(server: Server, text: str) -> None:
    assert say(server, text).startswith("HTTP/1.1 400")


def test_half_a_body_and_a_hangup_leave_no_bug(server: Server) -> None:
    for content_type in ("application/json", "multipart/form-data; boundary=x"):
        path = POST.replace("insight_variables", "warehouse_tables/file")
        with connected(server) as connection:
            head = f"{path}Content-Type: {content_type}\r\nContent-Length: 500\r\n\r\n"
            connection.sendall(
                head.encode() + b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n1'
            )
            time.sleep(0.3)
    time.sleep(0.5)
    with server.client(KEY) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/projects/1/warehouse_tables").json()["count"] == 0
    assert "Traceback" not in server.log
    assert '"bug"' not in server.log


def test_many_idle_connections_hold_up_nobody(server: Server) -> None:
    idle = [connected(server) for _ in range(200)]
    try:
        began = time.monotonic()
        with server.client(KEY) as client:
            assert client.get("/api/users/@me").status_code == 200
        assert time.monotonic() - began < 2
    finally:
        for each in idle:
            each.close()


ENDLESS = {"query": {"kind": "HogQLQuery", "query": "select sum(sipHash64(number)) from numbers(1000000000000)"}}


def running_queries(server: Server) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    return float(re.findall(r"^hedgerow_engine_queries_running (.+)$", text, re.MULTILINE)[0])


def await_queries(server: Server, count: int) -> None:
    end = time.monotonic() + 5
    while running_queries(server) != count:
        assert time.monotonic() < end, f"not {count} queries: {running_queries(server)}"
        time.sleep(0.05)


def test_hangup_cancels_the_query(server: Server) -> None:
    with server.client(KEY) as client, pytest.raises(httpx.ReadTimeout):
        client.post("/api/projects/1/query", json=ENDLESS, timeout=1)
    await_queries(server, 0)
    assert '"status":499' in server.log


def test_stop_ends_a_running_query_in_order(tmp_path: Path) -> None:
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server:
        answers: list[httpx.Response] = []

        def ask() -> None:
            with server.client(KEY) as client:
                answers.append(client.post("/api/projects/1/query", json=ENDLESS))

        asking = threading.Thread(target=ask)
        asking.start()
        await_queries(server, 1)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8
        asking.join(5)
        assert [answer.status_code for answer in answers] == [503]
        assert "Traceback" not in server.log
