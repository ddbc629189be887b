"""What tests of saved queries share: a small table, and short ways to say things."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.apps import Api, MakeApi

CSV = b"id,city,amount\n1,Rome,10\n2,Oslo,20\n3,Rome,5\n"
Save = Callable[..., dict[str, Any]]


def query(text: str) -> dict[str, str]:
    """The object of a query."""
    return {"kind": "HogQLQuery", "query": text}


def rows(api: Api, text: str) -> list[list[Any]]:
    """What a query answers."""
    answer = api.post("/query", json={"query": query(text)})
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["results"]
    return found


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Api:
    """An application on SQLite, or on the store a test is parametrized with."""
    # The store first, so that it is closed last.
    url = request.getfixturevalue("postgres_url") if getattr(request, "param", "") == "postgres" else ""
    make_app: MakeApi = request.getfixturevalue("make_app")
    return make_app(database_url=url)


@pytest.fixture
def sales(api: Api) -> Api:
    """A project with a table `sales`."""
    made = api.post("/warehouse_tables/file", data={"name": "sales"}, files={"file": ("s.csv", CSV, "text/csv")})
    assert made.status_code == 201, made.text
    return api


@pytest.fixture
def save(sales: Api) -> Save:
    """`save(name, text)` saves a query and answers it."""

    def made(name: str, text: str, **more: Any) -> dict[str, Any]:
        answer = sales.post("/warehouse_saved_queries", json={"name": name, "query": query(text), **more})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return made
