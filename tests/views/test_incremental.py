"""Views whose tables are made bit by bit: which can be, and that they hold what a full run would."""

from typing import Any

import pytest

from tests.support.apps import Api
from tests.views.conftest import Save, query, rows
from tests.views.test_runs import PATH, act, backing, history, wait
from tests.views.test_waves import upload

DAYS = "select toDate(ts) as day, city, count() as n, sum(amount) as total from facts group by day, city"
Fact = tuple[int, str, str, int]
FACTS: list[Fact] = [
    (1, "2024-01-01 10:00:00", "Rome", 10),
    (2, "2024-01-01 11:00:00", "Oslo", 20),
    (3, "2024-01-02 09:00:00", "Rome", 5),
]


def load(api: Api, facts: list[Fact], name: str = "facts") -> None:
    lines = ["id,ts,city,amount", *(",".join(map(str, fact)) for fact in facts)]
    upload(api, ("\n".join(lines) + "\n").encode(), name)


def run(api: Api, view: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The run that was asked for, once it has ended."""
    act(api, view, "run", **body)
    wait(api, view, "Completed", "Failed")
    return history(api, view)[0]


def same_as_full(api: Api, name: str, text: str) -> bool:
    listed = "* from (" + text + ")"
    return sorted(map(str, rows(api, f"select * from {name}"))) == sorted(map(str, rows(api, f"select {listed}")))


@pytest.fixture
def facts(api: Api) -> Api:
    """A project with a table `facts`."""
    load(api, FACTS)
    return api


@pytest.fixture
def model(facts: Api) -> Any:
    """`model(name, text, key, …)` saves an incremental model and makes its table."""

    def made(name: str, text: str, key: str, **more: Any) -> dict[str, Any]:
        body = {"name": name, "query": query(text), "incremental": {"incremental_key": key, **more}}
        answer = facts.post(PATH, json=body)
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        assert run(facts, view)["mode"] == "full"
        return view

    return made


def test_later_runs_make_only_what_is_new(facts: Api, model: Any) -> None:
    view = model("days", DAYS, "day")
    shown = facts.get(f"{PATH}/{view['id']}").json()
    settings = {"enabled": True, "incremental_key": "day", "unique_key": [], "lookback_seconds": 0}
    assert shown["incremental"] == settings
    assert shown["has_incremental_history"] is True
    assert shown["incremental_state"]["watermark"] == "2024-01-02"
    # What is older than the last key is not read again: that the first day is another now is not seen.
    load(facts, [(1, "2024-01-01 10:00:00", "Rome", 99), FACTS[2], (4, "2024-01-02 12:00:00", "Rome", 1)])
    done = run(facts, view)
    assert (done["mode"], done["rows"], done["reason"]) == ("incremental", 3, None)
    expected = [["2024-01-01", "Oslo", 1, 20], ["2024-01-01", "Rome", 1, 10], ["2024-01-02", "Rome", 2, 6]]
    assert rows(facts, "select * from days order by day, city") == expected
    assert run(facts, view, full_refresh=True)["mode"] == "full"
    assert same_as_full(facts, "days", DAYS)


def test_a_range_is_made_anew(facts: Api, model: Any) -> None:
    view = model("days", DAYS, "day")
    late = [*FACTS, (4, "2024-01-03 00:00:00", "Bern", 7)]
    load(facts, late)
    run(facts, view)
    load(facts, [(i, ts, city, amount + 100) for i, ts, city, amount in late])
    done = run(facts, view, **{"from": "2024-01-02", "to": "2024-01-03"})
    assert done["mode"] == "range"
    found = rows(facts, "select day, sum(total) from days group by day order by day")
    assert found == [["2024-01-01", 30], ["2024-01-02", 105], ["2024-01-03", 7]]
    for body, attr in (
        ({"from": "soon"}, "from"),
        ({"from": "2024-01-02", "to": "2024-01-02"}, "to"),
        ({"from": "2024-01-02", "full_refresh": True}, "full_refresh"),
    ):
        refused = facts.post(f"{PATH}/{view['id']}/run", json=body)
        assert (refused.status_code, refused.json()["attr"]) == (400, attr)
    plain = facts.post(PATH, json={"name": "plain", "query": query("select 1 as one")}).json()
    refused = facts.post(f"{PATH}/{plain['id']}/run", json={"from": "2024-01-02"})
    assert "Only an incremental model" in refused.json()["detail"]


def test_a_unique_key_lets_rows_move(facts: Api, model: Any) -> None:
    text = "select id, ts, city from facts"
    view = model("latest", text, "ts", unique_key="id", lookback_seconds=3_600)
    moved = [(1, "2024-01-03 08:00:00", "Bern", 10), *FACTS[1:]]
    load(facts, moved)
    assert run(facts, view)["mode"] == "incremental"
    assert same_as_full(facts, "latest", text)


def test_what_else_is_read_and_has_changed_makes_a_full_run(facts: Api, model: Any) -> None:
    upload(facts, b"city,country\nRome,Italy\nOslo,Norway\n", "cities")
    text = "select id, toDate(ts) as day, country from facts left join cities on facts.city = cities.city"
    view = model("placed", text, "day")
    load(facts, [*FACTS, (4, "2024-01-03 00:00:00", "Oslo", 7)])
    assert run(facts, view)["mode"] == "incremental"
    assert same_as_full(facts, "placed", text)
    upload(facts, b"city,country\nRome,Italia\nOslo,Norge\n", "cities")
    done = run(facts, view)
    assert done["mode"] == "full"
    assert "Something else than new rows" in done["reason"]
    assert same_as_full(facts, "placed", text)


def test_other_columns_make_a_full_run_and_another_text_is_checked(facts: Api, model: Any) -> None:
    view = model("copy", "select * from facts", "ts")
    lines = b"id,ts,city,amount,more\n9,2024-01-05 00:00:00,Rome,1,2\n"
    upload(facts, lines, "facts")
    assert run(facts, view)["mode"] == "full"
    assert rows(facts, "select id, more from copy") == [[9, 2]]
    new = {"query": query("select count() as n from facts"), "soft_update": True}
    refused = facts.patch(f"{PATH}/{view['id']}", json=new)
    assert (refused.status_code, refused.json()["attr"]) == (400, "incremental")
    changed = facts.patch(f"{PATH}/{view['id']}", json={**new, "incremental": None})
    assert (changed.status_code, changed.json()["incremental"]) == (200, None)
    assert run(facts, view)["mode"] == "full"


def test_a_failed_check_leaves_the_last_table(facts: Api, model: Any) -> None:
    view = model("days", DAYS, "day")
    check = {"kind": "row_count", "config": {"max": 3}}
    assert facts.post(f"{PATH}/{view['id']}/data_checks", json=check).status_code == 201
    table = backing(facts, "days")
    load(facts, [*FACTS, (4, "2024-01-03 00:00:00", "Oslo", 7)])
    assert run(facts, view)["status"] == "Failed"
    assert backing(facts, "days") == table
    assert facts.get(f"{PATH}/{view['id']}").json()["incremental_state"]["watermark"] == "2024-01-02"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("select ts from facts limit 10", "LIMIT"),
        ("select toDate(ts) as day, row_number() over (order by ts) as n from facts", "Window functions"),
        ("select count() as n, max(ts) as ts from facts", "one row of all rows"),
        ("select city, max(ts) as ts from facts group by city", "grouped by (city) is a date"),
        ("select ts from facts limit 1 by city", "LIMIT BY"),
        ("select ts from facts except select ts from facts where id = 1", "EXCEPT"),
        ("select a.ts as ts from facts a join facts b on a.id = b.id", "more than once"),
        ("select ts from facts where id in (select max(id) from facts)", "more than once"),
        ("select now() as at, ts from facts", "clock"),
        ("select city, amount / 2 as half from facts", "date, a time or a whole number"),
        ("select n from (select count() as n from facts)", "one row of all rows"),
        ("select ts from facts right join (select 1 as one) x on facts.id = x.one", "RIGHT JOIN"),
        ("select day, n from (select toDate(ts) as day, count() as n from facts group by day) limit 5", "LIMIT"),
        ("with c as (select ts from facts limit 5) select ts from c", "LIMIT"),
        ("with row_number() over () as n select ts, n from facts", "Window functions"),
        ("with count() as n select n, max(ts) as ts from facts", "one row of all rows"),
        ("select ts, x from facts array join [city, 'x'] as x limit 3 offset 1", "LIMIT"),
        ("select toDate(ts) as day, count() as n from facts group by rollup(day)", "ROLLUP"),
    ],
)
def test_what_cannot_be_incremental_says_why(facts: Api, save_any: Any, text: str, said: str) -> None:
    view = save_any("v", text)
    found = facts.post(f"{PATH}/{view['id']}/check_incremental").json()
    assert (found["eligible"], found["key_candidates"]) == (False, [])
    assert any(said in blocker for blocker in found["blockers"]), found
    wish = {"incremental": {"incremental_key": "ts"}}
    refused = facts.patch(f"{PATH}/{view['id']}", json=wish)
    assert (refused.status_code, refused.json()["attr"]) == (400, "incremental")


@pytest.fixture
def save_any(facts: Api) -> Any:
    """`save_any(name, text)` saves a query over `facts`."""

    def made(name: str, text: str) -> dict[str, Any]:
        answer = facts.post(PATH, json={"name": name, "query": query(text)})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return made


@pytest.mark.parametrize(
    ("text", "keys", "unique"),
    [
        (DAYS, ["day"], ["day", "city"]),
        ("select toDate(ts) as day, city, id from facts", ["day", "id"], ["day", "city", "id"]),
        ("select * from facts where amount > 1", ["id", "ts", "amount"], ["id", "ts", "city", "amount"]),
        ("select ts from facts union all select ts from facts where id > 1", ["ts"], ["ts"]),
        ("select day, sum(n) as n from (select toDate(ts) as day, 1 as n from facts) group by day", ["day"], ["day"]),
        ("with c as (select ts, id from facts) select toStartOfMonth(ts) as m, id from c", ["m", "id"], ["m", "id"]),
        ("select distinct toDate(ts) as day from facts order by day", ["day"], ["day"]),
    ],
)
def test_what_can_be_incremental_says_by_what(
    facts: Api, save_any: Any, text: str, keys: list[str], unique: list[str]
) -> None:
    view = save_any("v", text)
    found = facts.post(f"{PATH}/{view['id']}/check_incremental").json()
    assert (found["eligible"], found["key_candidates"], found["unique_key_candidates"]) == (True, keys, unique)
    assert found["key_candidate_types"].keys() == set(keys)
    other = facts.post(f"{PATH}/{view['id']}/check_incremental", json={"query": query("select 1 as one")}).json()
    assert other["eligible"] is False


def test_keys_are_refused_by_name(facts: Api, save_any: Any) -> None:
    view = save_any("v", DAYS)
    for wish, attr in (
        ({"incremental_key": "n"}, "incremental__incremental_key"),
        ({"incremental_key": "day", "unique_key": ["total"]}, "incremental__unique_key"),
        ({"incremental_key": "day", "unique_key": ["day"]}, "incremental__unique_key"),
        ({"incremental_key": "day", "lookback_seconds": -1}, "incremental__lookback_seconds"),
    ):
        refused = facts.patch(f"{PATH}/{view['id']}", json={"incremental": wish})
        assert (refused.status_code, refused.json()["attr"]) == (400, attr), refused.text


def test_saved_views_are_read_through(sales: Api, save: Save) -> None:
    load(sales, FACTS)
    save("clean", "select id, ts, city from facts where id > 1")
    view = save("per_day", "select toDate(ts) as day, count() as n from clean group by day")
    wish = {"incremental": {"incremental_key": "day"}}
    assert sales.patch(f"{PATH}/{view['id']}", json=wish).status_code == 200
    assert [run(sales, view)["mode"] for _ in range(2)] == ["full", "incremental"]
    between = next(each for each in sales.get(PATH).json()["results"] if each["name"] == "clean")
    new = {"query": query("select id, ts, city from facts where id > 0"), "soft_update": True}
    assert sales.patch(f"{PATH}/{between['id']}", json=new).status_code == 200
    assert run(sales, view)["mode"] == "full"
    assert rows(sales, "select * from per_day order by day") == [["2024-01-01", 2], ["2024-01-02", 1]]


def test_a_model_over_a_model_follows_it_when_older_rows_are_made_anew(facts: Api, model: Any) -> None:
    parent = model("parent", "select id, ts, amount from facts", "ts")
    child = model("child", "select toDate(ts) as day, sum(amount) as total from parent group by day", "day")
    more = [*FACTS, (4, "2024-01-03 00:00:00", "Bern", 7)]
    load(facts, more)
    assert [run(facts, view)["mode"] for view in (parent, child)] == ["incremental"] * 2
    load(facts, [(i, ts, city, amount + 1) for i, ts, city, amount in more])
    for body, modes in (
        ({"from": "2024-01-01", "to": "2024-01-02"}, ["range", "full"]),
        ({"full_refresh": True}, ["full", "full"]),
        ({}, ["incremental", "incremental"]),
    ):
        assert [run(facts, parent, **body)["mode"], run(facts, child)["mode"]] == modes
        assert same_as_full(facts, "child", "select toDate(ts) as day, sum(amount) as total from parent group by day")
