"""What is remembered of requests, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest

from hedgerow.web.express import ROUTE
from hedgerow.web.prompt import Prompts, Told
from hedgerow.web.telemetry.metrics import Metrics

_PACKET = b"POST /things/1/run HTTP/1.1\r\n\r\n{}"
_DATED = [(b"date", b"today")]


def _scope(**more: Any) -> dict[str, Any]:
    plain = {"method": "POST", "path": "/things/1/run", "query_string": b"", "headers": [(b"host", b"x")]}
    return plain | {ROUTE: "/things/{id}/run"} | more


def _tell() -> Told:
    return Told(b"[1]", {"RateLimit-Remaining": "7"})


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def prompts(metrics: Metrics) -> Prompts:
    return Prompts(metrics)


def test_an_answer_is_whole(prompts: Prompts, metrics: Metrics) -> None:
    prompts.remember(_PACKET, _scope(), _tell)
    answer = prompts.answer(_PACKET, _DATED)
    assert answer is not None
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert (first, body) == (b"HTTP/1.1 200 OK", b"[1]")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert len(headers.pop(b"x-request-id")) == 16
    assert headers == {
        b"date": b"today",
        b"content-length": b"3",
        b"content-type": b"application/json",
        b"ratelimit-remaining": b"7",
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"same-origin",
    }
    route = 'method="POST",route="/things/{id}/run",status="200"'
    assert f"hedgerow_http_requests_total{{{route}}} 1.0" in metrics.page().decode()


@pytest.mark.parametrize(
    "more",
    [
        {"method": "GET"},
        {"query_string": b"a=1"},
        {"headers": [(b"origin", b"https://shop.example")]},
        {"headers": [(b"x-request-id", b"mine")]},
        {"headers": [(b"expect", b"100-continue")]},
    ],
)
def test_what_has_an_answer_of_its_own_is_not_remembered(prompts: Prompts, more: dict[str, Any]) -> None:
    prompts.remember(_PACKET, _scope(**more), _tell)
    assert prompts.answer(_PACKET, _DATED) is None


@pytest.mark.parametrize("other", [_PACKET[:-1], _PACKET + b" ", _PACKET.lower(), b""])
def test_other_bytes_are_another_request(prompts: Prompts, other: bytes) -> None:
    prompts.remember(_PACKET, _scope(), _tell)
    assert prompts.answer(other, _DATED) is None


def test_a_long_request_is_not_remembered(prompts: Prompts) -> None:
    long = _PACKET + b"x" * 4_096
    prompts.remember(long, _scope(), _tell)
    assert prompts.answer(long, _DATED) is None


def test_what_would_have_to_wait_goes_the_usual_way_and_stays_known(prompts: Prompts) -> None:
    answers: list[Told | None] = [None, _tell()]
    prompts.remember(_PACKET, _scope(), lambda: answers.pop(0))
    assert prompts.answer(_PACKET, _DATED) is None
    assert prompts.answer(_PACKET, _DATED) is not None


def test_a_bug_is_logged_and_goes_the_usual_way(prompts: Prompts, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> Told:
        raise RuntimeError("the secret inside")

    prompts.remember(_PACKET, _scope(), broken)
    assert prompts.answer(_PACKET, _DATED) is None
    assert "RuntimeError" in "".join(capsys.readouterr())
    prompts.remember(_PACKET, _scope(), _tell)
    assert prompts.answer(_PACKET, _DATED) is not None


def test_the_longest_unused_is_forgotten(prompts: Prompts) -> None:
    def packet(number: int) -> bytes:
        return _PACKET + str(number).encode()

    teller: Callable[[], Told] = _tell
    for number in range(10_000):
        prompts.remember(packet(number), _scope(), teller)
    assert prompts.answer(packet(0), _DATED) is not None
    prompts.remember(packet(10_000), _scope(), teller)
    assert prompts.answer(packet(0), _DATED) is not None
    assert prompts.answer(packet(1), _DATED) is None
