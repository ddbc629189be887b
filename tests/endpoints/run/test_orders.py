"""Remembered orders hold only as long as asking again would say the same."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from hedgerow.endpoints.run.orders import Orders
from tests.endpoints.conftest import ROWS, Desk, hogql, refused
from tests.support.apps import Api

BODY = {"variables": {"v": "asked"}}


def _upload(api: Api, content: bytes = ROWS) -> None:
    files = {"file": ("hits.csv", content, "text/csv")}
    assert api.post("/warehouse_tables/file", data={"name": "hits"}, files=files).status_code == 201


@pytest.fixture
def echo(desk: Desk) -> Desk:
    """An endpoint that was run twice with one body: the second time from memory."""
    desk.variable("v", "default")
    desk.make("select {variables.v} as v")
    for _ in range(2):
        assert desk.run(BODY)["results"] == [["asked"]]
    return desk


def _known(desk: Desk) -> Orders:
    orders: Orders = desk.api.house.endpoints.runs.orders
    return orders


def _soon(what: Callable[[], bool]) -> bool:
    """Whether it comes true: a change of a variable is seen after a second at most."""
    end = time.monotonic() + 5
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


def test_the_same_body_is_the_same_order(echo: Desk) -> None:
    assert len(_known(echo)._known) >= 1
    order = next(reversed(_known(echo)._known.values())).order
    echo.run(BODY)
    assert next(reversed(_known(echo)._known.values())).order is order


def test_a_new_version_answers_at_once(echo: Desk) -> None:
    echo.change({"query": hogql("select concat({variables.v}, '!') as v")})
    assert echo.run(BODY)["results"] == [["asked!"]]


def test_a_switched_off_endpoint_is_not_there(echo: Desk) -> None:
    echo.change({"is_active": False})
    assert echo.ask(BODY).status_code == 404
    echo.change({"is_active": True})
    assert echo.run(BODY)["results"] == [["asked"]]
    assert echo.api.delete("/endpoints/e").status_code == 204
    assert echo.ask(BODY).status_code == 404


def test_a_new_type_of_a_variable_counts(echo: Desk) -> None:
    variable = echo.api.get("/insight_variables").json()["results"][0]["id"]
    change = {"type": "Number", "default_value": 1}
    changed = echo.api.patch(f"/insight_variables/{variable}", json=change)
    assert (changed.status_code, changed.json()["type"]) == (200, "Number")
    assert _soon(lambda: echo.ask(BODY).status_code == 400)
    refused(echo.ask(BODY), 400, "variables")


def test_a_loaded_table_is_seen_at_once(desk: Desk) -> None:
    _upload(desk.api)
    desk.make("select count() from hits")
    assert [desk.run()["results"] for _ in range(2)] == [[[20]]] * 2
    table = desk.api.get("/warehouse_tables").json()["results"][0]["id"]
    assert desk.api.delete(f"/warehouse_tables/{table}").status_code == 204
    _upload(desk.api, ROWS[: ROWS.index(b"11,")])
    assert desk.run()["results"] == [[10]]


@pytest.mark.parametrize("body", [{"variables": {"w": 1}}, {"limit": 0}, {"version": 9}, {"nothing": 1}, [1]])
def test_a_wrong_body_stays_wrong(echo: Desk, body: Any) -> None:
    first, second = echo.ask(body), echo.ask(body)
    assert first.status_code == second.status_code >= 400
    assert first.json() == second.json()


@pytest.mark.parametrize("more", [{"refresh": "force"}, {"debug": True}, {"client_query_id": "mine"}])
def test_what_is_wanted_for_itself_is_not_remembered(echo: Desk, more: Any) -> None:
    before = len(_known(echo)._known)
    for _ in range(2):
        assert echo.run(BODY | more)["results"] == [["asked"]]
    assert len(_known(echo)._known) == before


def test_a_query_string_is_read_each_time(echo: Desk) -> None:
    echo.change({"query": hogql("select concat({variables.v}, '!') as v")})
    assert echo.run(BODY, suffix="?version=1")["results"] == [["asked"]]
    assert echo.run(BODY, suffix="?version=2")["results"] == [["asked!"]]
