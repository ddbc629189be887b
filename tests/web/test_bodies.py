"""Bodies: limits, and what no store can keep."""

from collections.abc import AsyncIterator

import pytest

from tests.support.in_process import InProcess
from tests.web.conftest import MakeApp, People

RAW = "/api/projects/1/things/raw"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def small(make_app: MakeApp, people: People) -> InProcess:
    people.add("phx_all")
    return make_app(body_max_bytes=1000, upload_max_bytes=2000)


def bearer(**headers: str) -> dict[str, str]:
    return {"Authorization": "Bearer phx_all"} | headers


async def chunks(count: int, size: int, fill: bytes = b" ") -> AsyncIterator[bytes]:
    for _ in range(count):
        yield fill * size


def test_json_body_up_to_the_limit_passes(small: InProcess) -> None:
    content = b'"' + b"x" * 998 + b'"'
    answer = small.request("POST", RAW, content=content, headers=bearer() | JSON)
    assert answer.json() == {"length": 1000}


def test_larger_json_body_is_refused(small: InProcess) -> None:
    answer = small.request("POST", RAW, content=b'"' + b"x" * 999 + b'"', headers=bearer() | JSON)
    expected = {
        "type": "invalid_request",
        "code": "request_too_large",
        "detail": "The request body is larger than 1000 bytes.",
        "attr": None,
    }
    assert (answer.status_code, answer.json()) == (413, expected)


def test_larger_body_without_a_length_is_refused(small: InProcess) -> None:
    answer = small.request("POST", RAW, content=chunks(20, 100), headers=bearer() | JSON)
    assert answer.status_code == 413


def test_larger_upload_is_refused_with_and_without_a_length(small: InProcess) -> None:
    headers = bearer(**{"Content-Type": "application/octet-stream"})
    limit = 2000 + (1 << 20)
    assert small.request("POST", RAW, content=b"x" * limit, headers=headers).json() == {"length": limit}
    assert small.request("POST", RAW, content=b"x" * (limit + 1), headers=headers).status_code == 413
    streamed = small.request("POST", RAW, content=chunks(12, 100_000, b"x"), headers=headers)
    assert (streamed.status_code, streamed.json()["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("url", ["/api/projects/1/things?search=a%00b", "/api/projects/1/things/a%00"])
def test_null_characters_in_addresses(small: InProcess, url: str) -> None:
    answer = small.request("GET", url, headers=bearer())
    assert (answer.status_code, answer.json()["code"]) == (400, "null_characters_not_allowed")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (rb'{"name": "a\u0000"}', 400),
        (rb'{"name": "\\\u0000"}', 400),
        (rb'{"\u0000": 1}', 400),
        (rb'{"name": "\\u0000"}', 200),
        (rb'{"name": "\u0001"}', 200),
    ],
)
def test_null_characters(small: InProcess, body: bytes, status: int) -> None:
    answer = small.request("POST", RAW, content=body, headers=bearer() | JSON)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["code"] == "null_characters_not_allowed"
