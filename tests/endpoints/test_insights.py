"""Insights as endpoints: refused by name while nothing here runs them, wherever they come from."""

import pytest

from hedgerow.endpoints.rows import VersionRow
from tests.endpoints.conftest import Desk, hogql, refused

INSIGHTS = (
    "TrendsQuery", "RetentionQuery", "LifecycleQuery", "WebStatsTableQuery", "WebOverviewQuery",
    "FunnelsQuery", "PathsQuery", "StickinessQuery", "InsightVizNode",
)  # fmt: skip


def told(kind: str) -> str:
    return f"Queries of kind {kind} are not supported. Supported kinds: HogQLQuery."


def test_none_is_made_or_becomes_a_version(desk: Desk) -> None:
    desk.make()
    for kind in INSIGHTS:
        query = {"kind": kind, "series": [], "source": {"kind": "TrendsQuery"}}
        refused(desk.api.post("/endpoints", json={"name": "insight", "query": query}), 400, "query", told(kind))
        refused(desk.api.patch("/endpoints/e", json={"query": query}), 400, "query", told(kind))
    assert desk.api.get("/endpoints/insight").status_code == 404
    assert (desk.get()["current_version"], desk.get()["query"]["query"]) == (1, "select 1 as one")


def test_none_is_run_in_place_of_an_endpoint_s_query(desk: Desk) -> None:
    desk.make()
    query = {"kind": "TrendsQuery", "series": []}
    refused(desk.ask({"query_override": query}), 400, "query_override", "not supported")
    refused(desk.ask({"filters_override": {"date_from": "-7d"}}), 400, "filters_override", "Not allowed for HogQL")


@pytest.fixture
def stored(desk: Desk) -> Desk:
    """Endpoint `e`, whose version 2 is an insight: as a store has it that a later release has written."""
    desk.make()
    desk.change({"query": hogql("select 2 as two")})
    with desk.api.house.store.write() as session:
        version = session.query(VersionRow).filter_by(number=2).one()
        version.query = {"kind": "TrendsQuery", "series": [], "dateRange": {"date_from": "-7d"}}
        version.columns = None
    desk.change({"tags": ["insight"]})
    return desk


def test_one_in_the_store_is_shown_and_not_run(stored: Desk) -> None:
    shown = stored.get()
    assert (shown["query"]["kind"], shown["columns"], shown["current_version"]) == ("TrendsQuery", [], 2)
    for body in ({}, {"limit": 5}, {"refresh": "force"}, {"variables": {"date_from": "-1d"}}):
        refused(stored.ask(body), 400, "query", told("TrendsQuery"))
        refused(stored.ask(body, suffix="?format=csv"), 400, "query", told("TrendsQuery"))
    refused(stored.api.get("/endpoints/e/run"), 400, "query", told("TrendsQuery"))
    assert stored.api.get("/endpoints/e/diff?from=1").status_code == 200
    refused(stored.api.post("/endpoints/e/diff?from=1", json={"variables": {}}), 400, "query", told("TrendsQuery"))
    assert stored.run({"version": 1})["results"] == [[1]]
    status = stored.get(suffix="materialization_status")
    assert (status["can_materialize"], "TrendsQuery cannot be materialized" in status["reason"]) == (False, True)
    answer = stored.api.patch("/endpoints/e", json={"is_materialized": True})
    refused(answer, 400, "is_materialized", "Cannot materialize endpoint. Reason: TrendsQuery cannot be materialized")
    assert stored.get(suffix="openapi.json")["info"]["version"] == "2"
    assert stored.change({"query": hogql("select 3 as three")})["current_version"] == 3
