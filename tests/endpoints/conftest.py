"""Endpoints over a small table, through the whole application."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.apps import Api

ROWS = b"id,event,amount,day\n" + b"".join(
    b"%d,%s,%d.5,2026-01-%02d\n" % (n, b"pageview" if n % 2 else b"pageleave", n, (n - 1) // 2 + 1)
    for n in range(1, 21)
)


def hogql(text: str, **more: Any) -> dict[str, Any]:
    """A query as the API takes it."""
    return {"kind": "HogQLQuery", "query": text, **more}


@dataclass(frozen=True)
class Desk:
    """Makes and runs endpoints of one project."""

    api: Api

    def variable(self, name: str, default: Any = None, kind: str = "String") -> str:
        """An insight variable; its id."""
        made = self.api.post("/insight_variables", json={"name": name, "type": kind, "default_value": default})
        assert made.status_code == 201, made.text
        identifier: str = made.json()["id"]
        return identifier

    def make(self, text: str = "select 1 as one", name: str = "e", **more: Any) -> dict[str, Any]:
        """A new endpoint."""
        made = self.api.post("/endpoints", json={"name": name, "query": hogql(text), **more})
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    def change(self, body: dict[str, Any], name: str = "e", suffix: str = "") -> dict[str, Any]:
        """A change that succeeds."""
        answer = self.api.patch(f"/endpoints/{name}/{suffix}", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, name: str = "e", suffix: str = "") -> dict[str, Any]:
        answer = self.api.get(f"/endpoints/{name}/{suffix}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, body: Any = None, name: str = "e", suffix: str = "") -> httpx.Response:
        """A run's answer, whatever it is."""
        return self.api.post(f"/endpoints/{name}/run{suffix}", json={} if body is None else body)

    def run(self, body: Any = None, name: str = "e", suffix: str = "") -> dict[str, Any]:
        """A run that succeeds."""
        answer = self.ask(body, name, suffix)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def refused(answer: httpx.Response, status: int, attr: str | None = None, text: str = "") -> None:
    """An error in the usual shape."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"type", "code", "detail", "attr"}
    assert body["attr"] == attr
    assert text in body["detail"]


def refused_by_hand(answer: httpx.Response, status: int, text: str) -> dict[str, Any]:
    """An error in the hand-made shape."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert text in body["error"]
    assert "type" not in body
    return body


@pytest.fixture
def desk(api: Api) -> Desk:
    """A project without tables."""
    return Desk(api)


@pytest.fixture
def counted(desk: Desk) -> Desk:
    """A project with `hits`: 10 page views and 10 page leaves on ten days."""
    files = {"file": ("hits.csv", ROWS, "text/csv")}
    made = desk.api.post("/warehouse_tables/file", data={"name": "hits"}, files=files)
    assert made.status_code == 201, made.text
    return desk


@pytest.fixture
def by_event(counted: Desk) -> Desk:
    """An endpoint that counts one event's rows, page views unless told."""
    counted.variable("event_name", "pageview")
    counted.make("SELECT count() FROM hits WHERE event = {variables.event_name}")
    return counted
