"""Errors as callers see them, whoever raised them."""

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from hedgerow.kit import errors
from hedgerow.web.errors import render
from tests.support.in_process import InProcess
from tests.web.conftest import People

SLOW = "Request was throttled. Expected available in"
THINGS = "/api/projects/1/things"


@pytest.fixture
def headers(people: People) -> dict[str, str]:
    return {"Authorization": f"Bearer {people.add('phx_all')}"}


def wire(type_: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": type_, "code": code, "detail": detail, "attr": attr}


def test_unknown_route(web: InProcess) -> None:
    answer = web.request("GET", "/api/nothing/here/")
    assert (answer.status_code, answer.json()) == (404, wire("invalid_request", "not_found", "Endpoint not found."))


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
def test_method_that_a_route_has_not(web: InProcess, headers: dict[str, str], method: str) -> None:
    answer = web.request(method, f"{THINGS}/", headers=headers)
    expected = wire("invalid_request", "method_not_allowed", f'Method "{method}" not allowed.')
    assert (answer.status_code, answer.json()) == (405, expected)


def test_bug_is_opaque_to_the_caller_and_in_the_log(web: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    answer = web.request("GET", "/boom", headers={"X-Request-Id": "find-me"})
    assert (answer.status_code, answer.json()) == (500, wire("server_error", "error", "A server error occurred."))
    assert answer.headers["x-request-id"] == "find-me"
    captured = capsys.readouterr()
    assert "the secret inside" in captured.out + captured.err


def test_fault_of_ours_leaves_its_cause_in_the_log(web: InProcess, capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_: Request) -> Response:
        raise errors.Unavailable("Try later.") from OSError("disk on fire")

    web.app.add_route("/fault", fail)
    answer = web.request("GET", "/fault")
    assert (answer.status_code, answer.json()["detail"]) == (503, "Try later.")
    assert "disk on fire" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "JSON parse error - "),
        (b'{"name": "a",}', "JSON parse error - "),
        (b"name=a", "JSON parse error - "),
        (b'{"name": "\xff"}', "JSON parse error - "),
        (b'{"name": "\\ud800"}', "JSON parse error - "),
        (b'{"name": NaN}', "JSON parse error - "),
        (b"[" * 5000 + b"]" * 5000, "JSON parse error - "),
    ],
)
def test_body_that_is_not_json(web: InProcess, headers: dict[str, str], body: bytes, words: str) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8", "application/vnd.api+json"):
        answer = web.request("POST", THINGS, content=body, headers=headers | {"Content-Type": content_type})
        assert answer.status_code == 400
        assert answer.json() == wire("validation_error", "parse_error", answer.json()["detail"])
        assert answer.json()["detail"].startswith(words)


def test_body_of_another_type(web: InProcess, headers: dict[str, str]) -> None:
    answer = web.request("POST", THINGS, content=b'{"name":"a"}', headers=headers | {"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["detail"]
    form = web.request("POST", THINGS, data={"name": "a"}, headers=headers)
    assert (form.status_code, form.json()["code"]) == (400, "parse_error")


def test_body_without_a_type_is_json(web: InProcess, headers: dict[str, str]) -> None:
    answer = web.request("POST", THINGS, content=b'{"name":"a"}', headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("body", [None, b"", b"{}"])
def test_missing_body_is_an_empty_object(web: InProcess, headers: dict[str, str], body: bytes | None) -> None:
    answer = web.request("POST", THINGS, content=body, headers=headers | {"Content-Type": "application/json"})
    expected = wire("validation_error", "required", "This field is required.", "name")
    assert (answer.status_code, answer.json()) == (400, expected)


@pytest.mark.parametrize(("body", "name"), [(b"[]", "list"), (b'"a"', "str"), (b"5", "int"), (b"true", "bool")])
def test_body_that_is_no_object(web: InProcess, headers: dict[str, str], body: bytes, name: str) -> None:
    answer = web.request("POST", THINGS, content=body, headers=headers | {"Content-Type": "application/json"})
    detail = f"Invalid data. Expected a dictionary, but got {name}."
    assert (answer.status_code, answer.json()) == (400, wire("validation_error", "invalid_input", detail))


def test_null_as_body(web: InProcess, headers: dict[str, str]) -> None:
    answer = web.request("POST", THINGS, content=b"null", headers=headers | {"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "validation_error")


def test_only_the_first_wrong_field_is_told(web: InProcess, headers: dict[str, str]) -> None:
    answer = web.request("POST", THINGS, json={"name": "toolong", "size": "x"}, headers=headers)
    detail = "Ensure this field has no more than 5 characters."
    assert (answer.status_code, answer.json()) == (400, wire("validation_error", "max_length", detail, "name"))


def test_path_value_that_cannot_be_an_id(web: InProcess, headers: dict[str, str]) -> None:
    answer = web.request("GET", f"{THINGS}/not-a-uuid/", headers=headers)
    assert (answer.status_code, answer.json()) == (404, wire("invalid_request", "not_found", "Not found."))


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (errors.InvalidInput("No.", attr="a__b"), 400, wire("validation_error", "invalid_input", "No.", "a__b")),
        (errors.Throttled(1), 429, wire("throttled_error", "throttled", f"{SLOW} 1 second.")),
        (errors.BareError(404, {"error": "Gone", "current_version": 2}), 404, {"error": "Gone", "current_version": 2}),
        (errors.Unavailable("Later.", code="full"), 503, wire("server_error", "full", "Later.")),
    ],
)
def test_each_kind_of_the_tree(error: errors.HedgerowError, status: int, body: dict[str, Any]) -> None:
    import orjson

    answer = render(error)
    assert answer.status_code == status
    assert orjson.loads(answer.body) == body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)
