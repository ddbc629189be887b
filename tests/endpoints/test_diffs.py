"""What differs between two versions, and which rows they answer."""

from typing import Any

import pytest

from tests.endpoints.conftest import Desk, hogql, refused, refused_by_hand


def diff(desk: Desk, path: str = "?from=1") -> dict[str, Any]:
    return desk.get(suffix=f"diff{path}")


def rows(desk: Desk, **body: Any) -> dict[str, Any]:
    answer = desk.api.post("/endpoints/e/diff", json={"from": 1, "variables": {}, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["rows"]
    return found


def two(desk: Desk, one: str, other: str, **more: Any) -> None:
    desk.make(one, **more)
    assert desk.change({"query": hogql(other)})["current_version"] == 2


def test_the_text_is_told_as_a_unified_diff(desk: Desk) -> None:
    two(desk, "select 1 as a,\n  2 as b\nfrom numbers(3)\n", "select 1 as a,\n  3 as b\nfrom numbers(3)\n")
    found = diff(desk)
    assert found["query_diff"] == (
        "--- e v1\n+++ e v2\n@@ -1,3 +1,3 @@\n select 1 as a,\n-  2 as b\n+  3 as b\n from numbers(3)\n"
    )
    assert (found["from"], found["to"], found["identical"], found["changes"]) == (1, 2, False, [])
    assert found["columns"] == {"added": [], "removed": [], "retyped": [], "reordered": False}
    assert diff(desk, "?from=2&to=1")["query_diff"].splitlines()[-2:] == ["+  2 as b", " from numbers(3)"]


def test_a_version_does_not_differ_from_itself(desk: Desk) -> None:
    two(desk, "select 1", "select 2")
    for path in ("?from=2", "?from=latest&to=latest", "?from=1&to=1"):
        found = diff(desk, path)
        assert (found["identical"], found["query_diff"]) == (True, "")


def test_settings_are_told_by_field(desk: Desk) -> None:
    two(desk, "select 1", "select 2", description="old", data_freshness_seconds=900)
    desk.change({"description": "new", "data_freshness_seconds": 3600, "stale_while_revalidate_seconds": 5})
    desk.change({"is_active": False}, suffix="?version=1")
    assert diff(desk)["changes"] == [
        {"field": "description", "from": "old", "to": "new"},
        {"field": "data_freshness_seconds", "from": 900, "to": 3600},
        {"field": "stale_while_revalidate_seconds", "from": 0, "to": 5},
        {"field": "is_active", "from": False, "to": True},
    ]


def test_other_parts_of_the_query_are_told(desk: Desk) -> None:
    desk.make("select 1")
    filters = {"dateRange": {"date_from": "-7d"}}
    desk.change({"query": hogql("select 1", filters=filters)})
    found = diff(desk)
    assert [change["field"] for change in found["changes"]] == ["query.filters"]
    assert found["changes"][0]["from"] is None
    assert not found["identical"]


def test_columns_are_told_by_name(counted: Desk) -> None:
    two(
        counted,
        "select 1 as kept, 'x' as retyped, 2 as gone, id, id from hits",
        "select 5 as new, 6 as retyped, 1 as kept, id from hits",
    )
    assert diff(counted)["columns"] == {
        "added": [{"name": "new", "type": "integer"}],
        "removed": [{"name": "gone", "type": "integer"}, {"name": "id", "type": "integer"}],
        "retyped": [{"name": "retyped", "from": "string", "to": "integer"}],
        "reordered": True,
    }


def test_variables_are_told_by_code_name(desk: Desk) -> None:
    for name, value in (("kept", "k"), ("gone", 1), ("new", None)):
        desk.variable(name, value)
    identifier = desk.variable("valued", "old")
    desk.make("select {variables.kept}, {variables.gone}, {variables.valued}")
    variables = {identifier: {"code_name": "valued", "value": "changed"}}
    desk.change({"query": hogql("select {variables.kept}, {variables.new}, {variables.valued}", variables=variables)})
    assert diff(desk)["variables"] == {
        "added": [{"code_name": "new", "value": None}],
        "removed": [{"code_name": "gone", "value": 1}],
        "changed": [{"code_name": "valued", "from": "old", "to": "changed"}],
    }


def test_versions_are_named_by_aliases_too(desk: Desk) -> None:
    two(desk, "select 1", "select 2")
    desk.api.put("/endpoints/e/aliases/stable", json={"version": 1})
    found = diff(desk, "?from=stable&to=latest")
    assert (found["from"], found["to"]) == (1, 2)
    assert desk.api.post("/endpoints/e/diff?from=stable", json={}).json() == found
    assert desk.api.post("/endpoints/e/diff?from=2", json={"from": "stable"}).json() == found


def test_what_cannot_be_compared(desk: Desk) -> None:
    two(desk, "select 1", "select 2")
    refused(desk.api.get("/endpoints/e/diff"), 400, "from")
    refused(desk.api.post("/endpoints/e/diff"), 400, "from")
    refused(desk.api.get("/endpoints/e/diff?from=beta"), 400, "from", "beta is neither")
    refused(desk.api.get("/endpoints/e/diff?from=1&to=beta"), 400, "to", "beta is neither")
    refused(desk.api.get("/endpoints/e/diff?from=1.5"), 400, "from")
    refused_by_hand(desk.api.get("/endpoints/e/diff?from=1&to=9"), 404, "Version 9 not found")
    refused(desk.api.get("/endpoints/other/diff?from=1"), 404)
    refused(desk.api.post("/endpoints/other/diff", json={"from": 1, "variables": {}}), 404)
    refused(desk.api.post("/endpoints/e/diff", json={"from": 1, "sample": 1001}), 400, "sample")
    refused(
        desk.api.with_key(desk.api.make_key(["query:read"])).get("/endpoints/e/diff?from=1"), 403, None, "endpoint:read"
    )


def test_a_long_text_is_shown_as_replaced_whole(desk: Desk) -> None:
    lines = [f"{n} as c{n}" for n in range(6_000)]
    one = "select count() from (select 1 /*\n" + "\n".join(lines) + "\n*/)"
    two(desk, one, one.replace("0 as c0", "7 as c0"))
    found = diff(desk)["query_diff"].splitlines()
    assert found[2] == "@@ -1,6002 +1,6002 @@"
    assert sum(line.startswith("-") for line in found) == 6_003


def test_rows_are_compared_as_bags(counted: Desk) -> None:
    two(
        counted,
        "select event, if(id > 18, null, 1) as n from hits",
        "select event, if(id > 16, null, 1) as n from hits where id > 1",
    )
    found = rows(counted)
    assert found["from"] == {"rows": 20, "complete": True}
    assert found["to"] == {"rows": 19, "complete": True}
    assert found["only_in_from"] == {
        "rows": 3,
        "distinct": 2,
        "sample": [{"row": ["pageview", 1], "count": 2}, {"row": ["pageleave", 1], "count": 1}],
    }
    assert found["only_in_to"] == {
        "rows": 2,
        "distinct": 2,
        "sample": [{"row": ["pageview", None], "count": 1}, {"row": ["pageleave", None], "count": 1}],
    }
    assert (found["in_both"], found["identical"], found["same_order"]) == (17, False, False)
    assert found["compared_columns"] == ["event", "n"]


def test_null_equals_null_and_one_is_not_a_text(desk: Desk) -> None:
    two(desk, "select null as a union all select 1 as a", "select null as a union all select '1' as a")
    found = rows(desk)
    assert found["in_both"] == 1
    assert (found["only_in_from"]["sample"], found["only_in_to"]["sample"]) == (
        [{"row": [1], "count": 1}],
        [{"row": ["1"], "count": 1}],
    )


def test_another_order_is_told_and_no_difference(counted: Desk) -> None:
    two(counted, "select id from hits order by id", "select id from hits order by id desc")
    found = rows(counted)
    assert (found["identical"], found["same_order"], found["in_both"]) == (True, False, 20)


def test_of_other_columns_the_shared_are_compared(counted: Desk) -> None:
    two(counted, "select id, event, amount from hits", "select event, id, day from hits")
    found = rows(counted)
    assert (found["compared_columns"], found["in_both"], found["identical"]) == (["id", "event"], 20, False)


def test_all_rows_are_compared_and_samples_are_bounded(desk: Desk) -> None:
    two(desk, "select number from numbers(3000)", "select number + 1000 as number from numbers(3000)")
    found = rows(desk, sample=3)
    assert (found["in_both"], found["only_in_from"]["rows"], found["only_in_to"]["rows"]) == (2000, 1000, 1000)
    assert [each["row"] for each in found["only_in_from"]["sample"]] == [[0], [1], [2]]
    assert rows(desk, sample=0)["only_in_to"]["sample"] == []


def test_a_querys_own_limit_is_its_end(desk: Desk) -> None:
    two(desk, "select number from numbers(50) limit 10", "select number from numbers(50) limit 20")
    found = rows(desk)
    assert (found["from"], found["to"]) == ({"rows": 10, "complete": True}, {"rows": 20, "complete": True})
    assert found["only_in_to"]["rows"] == 10


def test_what_the_server_cuts_is_told(make_app: Any) -> None:
    desk = Desk(make_app(query_max_rows=100))
    two(desk, "select number from numbers(200)", "select number from numbers(100)")
    found = rows(desk)
    assert (found["from"], found["to"]) == ({"rows": 100, "complete": False}, {"rows": 100, "complete": True})


def test_floats_are_rounded_when_asked(desk: Desk) -> None:
    two(desk, "select 0.1 + 0.2 as x, [1.0000000000001] as y", "select 0.3 as x, [1.0] as y")
    assert not rows(desk)["identical"]
    found = rows(desk, float_digits=10)
    assert (found["identical"], found["in_both"]) == (True, 1)


def test_both_sides_take_the_given_values(by_event: Desk) -> None:
    by_event.variable("least", 0, "Number")
    text = "SELECT count() FROM hits WHERE event = {variables.event_name} and id > {variables.least}"
    by_event.change({"query": hogql(text)})
    assert rows(by_event)["identical"]
    found = rows(by_event, variables={"event_name": "pageleave", "least": 10})
    assert (found["only_in_from"]["sample"], found["only_in_to"]["sample"]) == (
        [{"row": [10], "count": 1}],
        [{"row": [5], "count": 1}],
    )
    body = {"from": 1, "variables": {"other": 1}}
    refused(by_event.api.post("/endpoints/e/diff", json=body), 400, "variables", "Unknown variable(s): other")
    body = {"from": 1, "variables": {"event_name": {"a": 1}}}
    refused(by_event.api.post("/endpoints/e/diff", json=body), 400, "variables")


def test_a_version_that_fails_is_named(counted: Desk) -> None:
    two(counted, "select id from hits", "select intDiv(1, id - 3) as id from hits")
    answer = counted.api.post("/endpoints/e/diff", json={"from": 1, "variables": {}})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Version 2: ")


def test_nothing_inactive_is_run(desk: Desk) -> None:
    two(desk, "select 1", "select 2")
    desk.change({"is_active": False}, suffix="?version=1")
    refused(
        desk.api.post("/endpoints/e/diff", json={"from": 1, "variables": {}}), 400, "variables", "Version 1 is inactive"
    )
    assert desk.api.post("/endpoints/e/diff", json={"from": 1}).status_code == 200


def test_a_comparison_counts_as_a_run(make_app: Any) -> None:
    desk = Desk(make_app(throttle=True))
    two(desk, "select 1", "select 2")
    desk.change({"rate_limit": "1/minute"})
    assert rows(desk)["from"]["rows"] == 1
    assert desk.api.post("/endpoints/e/diff", json={"from": 1, "variables": {}}).status_code == 429
    assert desk.api.get("/endpoints/e/diff?from=1").status_code == 200


@pytest.mark.parametrize("value", ["'; drop table hits; --", "{variables.x}", "\\"])
def test_values_are_bound(desk: Desk, value: str) -> None:
    desk.variable("x", "a")
    two(desk, "select {variables.x} as x", "select concat({variables.x}, '') as x")
    assert rows(desk, variables={"x": value})["identical"]
