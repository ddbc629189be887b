"""Runs that are answered before they are parsed: the same answers, rights, rates and notes as by the usual way."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import httpx
import pytest

from tests.support.built_tables import until
from tests.support.processes import Server, start_server

pytestmark = pytest.mark.acceptance
KEY = "phx_the_key_of_the_prompt_tests_01"
PROJECT = "/api/projects/1"
OF_EACH_ANSWER = {"date", "x-request-id"}


class Answer(NamedTuple):
    """What came back, parsed."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def lasting(self) -> tuple[Any, ...]:
        """What is the same whenever the same is asked."""
        body = {name: value for name, value in self.body.items() if name != "execution_id"}
        return self.status, {n: v for n, v in self.headers.items() if n not in OF_EACH_ANSWER}.keys(), body


class Line:
    """A connection that stays open; what is sent on it is exactly what is said."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers: BinaryIO = self._socket.makefile("rb")

    def say(self, packet: bytes) -> None:
        self._socket.sendall(packet)

    def hear(self) -> Answer:
        status = int(self._answers.readline().split()[1])
        headers = {}
        while line := self._answers.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name] = value
        return Answer(status, headers, json.loads(self._answers.read(int(headers["content-length"]))))

    def ask(self, packet: bytes) -> Answer:
        self.say(packet)
        return self.hear()

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


def request(name: str, body: Mapping[str, Any], key: str = KEY, *more: str) -> bytes:
    """A run's bytes."""
    content = json.dumps(body).encode()
    lines = [f"POST {PROJECT}/endpoints/{name}/run HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", *more]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


class Desk:
    """A server, a client with all rights, and one open line."""

    def __init__(self, server: Server, client: httpx.Client) -> None:
        self.server, self.client, self.line = server, client, Line(server)

    def upload(self, *numbers: int) -> None:
        content = "\n".join(["n", *map(str, numbers)]).encode()
        data, files = {"name": "t"}, {"file": ("t.csv", content)}
        assert self.client.post(f"{PROJECT}/warehouse_tables/file", data=data, files=files).is_success

    def make(self, name: str, query: str, **more: Any) -> None:
        body = {"name": name, "query": {"kind": "HogQLQuery", "query": query}, **more}
        answer = self.client.post(f"{PROJECT}/endpoints", json=body)
        assert answer.is_success, answer.text

    def change(self, name: str, **wishes: Any) -> None:
        assert self.client.patch(f"{PROJECT}/endpoints/{name}", json=wishes).is_success

    @property
    def prompt(self) -> int:
        """How many answers came before their request was parsed."""
        page = self.client.get("/metrics").text
        lines = [line for line in page.splitlines() if line.startswith("hedgerow_http_prompt_answers_total")]
        return int(float(lines[0].split()[1]))

    def learned(self, packet: bytes) -> Answer:
        """The answer of the usual way, once the same is answered promptly."""
        usual = [self.line.ask(packet)]

        def prompt() -> bool:
            before, answer = self.prompt, self.line.ask(packet)
            if self.prompt > before:
                return True
            usual.append(answer)
            return False

        until(prompt, 60)
        return usual[-1]


@contextmanager
def desk_of(server: Server) -> Iterator[Desk]:
    with server.client(KEY) as client:
        desk = Desk(server, client)
        desk.upload(1, 2, 3)
        yield desk
        desk.line.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"HEDGEROW_BOOTSTRAP_KEY": KEY, "HEDGEROW_CORS_ORIGINS": "https://shop.example"}
    with start_server(tmp_path_factory.mktemp("prompt") / "home", environment) as running:
        yield running


@pytest.fixture
def desk(server: Server) -> Iterator[Desk]:
    with desk_of(server) as found:
        yield found


def test_a_prompt_answer_is_the_usual_one(desk: Desk) -> None:
    desk.make("same", "select sum(n) as total from t", rate_limit="100000/hour")
    packet = request("same", {})
    usual, answers = desk.learned(packet), [desk.line.ask(packet) for _ in range(20)]
    assert usual.body["results"] == [[6]]
    assert {repr(answer.lasting) for answer in answers} == {repr(usual.lasting)}
    for ids in ({a.body["execution_id"] for a in answers}, {a.headers["x-request-id"] for a in answers}):
        assert len(ids) == 20
    left = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
    assert left == list(range(left[0], left[0] - 20, -1))


def test_it_is_counted_logged_and_noted_as_any_run(desk: Desk) -> None:
    desk.make("noted", "select max(n) from t")
    packet = request("noted", {})
    desk.learned(packet)
    answers = [desk.line.ask(packet) for _ in range(5)]
    path = f"{PROJECT}/endpoints/noted/logs"
    wanted = {answer.body["execution_id"] for answer in answers}
    until(lambda: wanted <= {line["instance_id"] for line in desk.client.get(path).json()["results"]}, 60)
    assert all(answer.headers["x-request-id"] in desk.server.log for answer in answers)


def test_new_rows_and_a_new_version_are_seen_at_once(desk: Desk) -> None:
    desk.make("fresh", "select sum(n) as total from t")
    packet = request("fresh", {})
    assert desk.learned(packet).body["results"] == [[6]]
    desk.upload(10, 20)
    assert desk.line.ask(packet).body["results"] == [[30]]
    desk.learned(packet)
    desk.change("fresh", query={"kind": "HogQLQuery", "query": "select count() from t"})
    answer = desk.line.ask(packet)
    assert (answer.body["results"], answer.body["endpoint_version"]) == ([[2]], 2)
    desk.learned(packet)
    desk.change("fresh", is_active=False)
    assert desk.line.ask(packet).status == 404


def test_a_key_that_is_revoked_is_refused_at_once(desk: Desk) -> None:
    desk.make("keyed", "select 1")
    made = desk.client.post("/api/personal_api_keys", json={"label": "short", "scopes": ["endpoint:read"]}).json()
    packet = request("keyed", {}, made["value"])
    desk.learned(packet)
    assert desk.client.delete(f"/api/personal_api_keys/{made['id']}").is_success
    assert desk.line.ask(packet).status == 401


def test_a_rate_that_is_used_up_refuses(desk: Desk) -> None:
    desk.make("rated", "select 1", rate_limit="30/minute")
    packet = request("rated", {})
    found = [desk.line.ask(packet) for _ in range(40)]
    statuses = [answer.status for answer in found]
    assert (statuses.count(200), statuses.count(429), statuses == sorted(statuses)) == (30, 10, True)
    assert found[-1].headers["retry-after"]


def test_answers_come_in_the_order_of_the_requests_however_they_are_cut(desk: Desk) -> None:
    desk.make("known", "select 'known'")
    desk.make("other", "select 'other'")
    known, other = request("known", {}), request("other", {})
    desk.learned(known)
    for packets in (
        [known + other + known],
        [known, other, known],
        [known[:40], known[40:] + other[:200], other[200:] + known],
        [other + known[:-1], known[-1:] + known],
    ):
        for packet in packets:
            desk.line.say(packet)
        wanted = [
            "known" if part.startswith(b"known") else "other" for part in b"".join(packets).split(b"endpoints/")[1:]
        ]
        assert [desk.line.hear().body["results"][0][0] for _ in wanted] == wanted


def test_requests_whose_answers_are_their_own_take_the_usual_way(desk: Desk) -> None:
    desk.make("usual", "select 1")
    headers = ("Origin: https://shop.example", "X-Request-Id: mine", "Connection: close")
    packets = [request("usual", {}, KEY, header) for header in headers]
    packets += [request("usual", {"refresh": "force"}), request("usual", {"debug": True})]
    before = desk.prompt
    for packet in packets:
        for _ in range(4):
            line = Line(desk.server)
            answer = line.ask(packet)
            line.close()
            assert answer.status == 200
            if b"Origin" in packet:
                assert answer.headers["access-control-allow-origin"] == "https://shop.example"
            if b"Request-Id" in packet:
                assert answer.headers["x-request-id"] == "mine"
    assert desk.prompt == before
