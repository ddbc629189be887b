"""Data checks: each kind, on views and on tables; what blocks, what warns, and what is told of it."""

from typing import Any

import pytest

from hedgerow.checks import shelf
from hedgerow.checks.records import Finding
from tests.support.apps import Api
from tests.views.conftest import Save, rows
from tests.views.test_runs import act, backing, history, physical_tables, wait

pytestmark = pytest.mark.parametrize("api", ["sqlite", "postgres"], indirect=True)
VIEWS, TABLES = "/warehouse_saved_queries", "/warehouse_tables"
CSV = b"id,city,amount,at\n1,Rome,10,2026-01-01\n2,Oslo,20,2026-01-02\n3,Rome,,2026-01-03\n3,,7,2026-01-03\n"


@pytest.fixture
def orders(sales: Api) -> str:
    """The path of the checks of a table with a doubled id, a missing city, and a missing amount."""
    return f"{TABLES}/{upload(sales, CSV)}/data_checks"


def upload(api: Api, content: bytes, name: str = "orders") -> str:
    made = api.post(f"{TABLES}/file", data={"name": name}, files={"file": ("o.csv", content, "text/csv")})
    assert made.status_code == 201, made.text
    found: str = made.json()["id"]
    return found


def add(api: Api, path: str, kind: str, severity: str = "error", **config: Any) -> dict[str, Any]:
    made = api.post(path, json={"kind": kind, "severity": severity, "config": config})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def test_each_kind_tells_the_rows_at_fault(sales: Api, orders: str) -> None:
    add(sales, orders, "not_null", column="id")
    add(sales, orders, "not_null", column="city")
    add(sales, orders, "unique", column="id")
    add(sales, orders, "unique", columns=["id", "city"])
    add(sales, orders, "accepted_values", column="city", values=["Rome", "Oslo"])
    add(sales, orders, "accepted_values", column="id", values=[1, 2])
    add(sales, orders, "accepted_values", column="at", values=["2026-01-01", "2026-01-02"])
    add(sales, orders, "relationships", column="id", to="sales", field="id")
    add(sales, orders, "relationships", column="city", to="sales", field="amount")
    add(sales, orders, "row_count", min=1, max=3)
    add(sales, orders, "freshness", column="at", max_age_seconds=3600)
    add(sales, orders, "custom_sql", query="select id from orders where amount > 8 or id > (select max(id) from sales)")
    found = sales.post(f"{orders}/run").json()["results"]
    assert [(each["name"], each["status"], each["failing_rows"]) for each in found] == [
        ("not_null id", "passed", 0),
        ("not_null city", "failed", 1),
        ("unique id", "failed", 2),
        ("unique id, city", "passed", 0),
        ("accepted_values city", "passed", 0),
        ("accepted_values id", "failed", 2),
        ("accepted_values at", "failed", 2),
        ("relationships id", "passed", 0),
        ("relationships city", "failed", 3),
        ("row_count", "failed", None),
        ("freshness at", "failed", None),
        ("custom_sql", "failed", 2),
    ]
    assert found[2]["detail"] == "2 rows that share their id with another."
    assert (found[9]["detail"], found[9]["observed"]) == ("4 rows, more than 3.", 4)
    assert found[10]["observed"] > 3600
    listed = sales.get(orders).json()["results"]
    assert [each["status"] for each in listed] == [each["status"] for each in found]
    assert listed[1]["config"] == {"column": "city"}


def test_values_are_never_read_as_query_text(sales: Api, orders: str) -> None:
    nasty = "Rome') OR 1=1 -- {variables.x} `\\'"
    add(sales, orders, "accepted_values", column="city", values=[nasty])
    odd = upload(sales, b'"a {x}.c\'d"\n1\n1\n', "odd")
    add(sales, f"{TABLES}/{odd}/data_checks", "unique", column="a {x}.c'd")
    assert [each["failing_rows"] for each in sales.post(f"{orders}/run").json()["results"]] == [3]
    assert [r["failing_rows"] for r in sales.post(f"{TABLES}/{odd}/data_checks/run").json()["results"]] == [2]


@pytest.mark.parametrize(
    ("kind", "config", "attr", "said"),
    [
        ("not_null", {"column": "nope"}, "config__column", 'no column "nope"'),
        ("not_null", {}, "config__column", "required"),
        ("not_null", {"column": "id", "more": 1}, "config__more", "not permitted"),
        ("unique", {}, "config", "Say `column`"),
        ("unique", {"columns": ["id", "nope"]}, "config__columns", 'no column "nope"'),
        ("accepted_values", {"column": "id", "values": []}, "config__values", "at least 1"),
        ("accepted_values", {"column": "id", "values": ["a"]}, "config__values", "give numbers"),
        ("relationships", {"column": "id", "to": "nope", "field": "id"}, "config__to", 'no table or view "nope"'),
        ("relationships", {"column": "id", "to": "sales", "field": "nope"}, "config__field", 'no column "nope"'),
        ("row_count", {}, "config", "Say `min`"),
        ("row_count", {"min": 3, "max": 2}, "config", "above"),
        ("freshness", {"column": "city", "max_age_seconds": 1}, "config__column", "no dates"),
        ("custom_sql", {"query": "select from from"}, "config__query", ""),
        ("custom_sql", {"query": "select 1 from nope"}, "config__query", "nope"),
        ("custom_sql", {"query": "select {variables.x}"}, "config__query", "Placeholders"),
    ],
)
def test_what_cannot_be_checked_is_refused(
    sales: Api, orders: str, kind: str, config: dict[str, Any], attr: str, said: str
) -> None:
    answer = sales.post(orders, json={"kind": kind, "config": config})
    body = answer.json()
    assert (answer.status_code, body["attr"]) == (400, attr), body
    assert said in body["detail"]
    assert sales.get(orders).json()["results"] == []


def test_a_failed_check_keeps_the_last_table_of_a_view(sales: Api, save: Save) -> None:
    view = save("orders_view", "select id, city from sales")
    act(sales, view, "run")
    wait(sales, view, "Completed")
    first = backing(sales, "orders_view")
    checks = f"{VIEWS}/{view['id']}/data_checks"
    add(sales, checks, "unique", column="id")
    warned = add(sales, checks, "row_count", "warn", min=100)
    act(sales, view, "run")
    wait(sales, view, "Completed")
    second = backing(sales, "orders_view")
    assert second != first
    [run, _] = history(sales, view)
    assert [(c["kind"], c["status"]) for c in run["checks"]] == [("unique", "passed"), ("row_count", "failed")]
    assert run["error"] is None

    more = {"file": ("s.csv", b"id,city,amount\n1,Rome,1\n1,Oslo,2\n1,Bonn,3\n2,Rome,4\n", "text/csv")}
    assert sales.post(f"{TABLES}/file", data={"name": "sales"}, files=more).status_code == 201
    act(sales, view, "run")
    failed = wait(sales, view, "Failed")
    assert failed["latest_error"] == (
        'The new rows were not published. The check "unique id" failed: 3 rows that share their id with another.'
    )
    assert backing(sales, "orders_view") == second
    assert rows(sales, "select count() from orders_view") == [[3]]
    assert physical_tables(sales) <= {first, second}
    run = history(sales, view)[0]
    assert (run["status"], run["error"]) == ("Failed", failed["latest_error"])
    assert [c["failing_rows"] for c in run["checks"]] == [3, None]
    shown = sales.get(f"{VIEWS}/{view['id']}").json()["data_checks"]
    assert [(c["kind"], c["status"], c["severity"]) for c in shown] == [
        ("unique", "failed", "error"),
        ("row_count", "failed", "warn"),
    ]
    found = sales.get(f"{checks}/results?check_id={warned['id']}").json()["results"]
    assert [(each["run_id"], each["observed"]) for each in found] == [
        (run["id"], 4),
        (history(sales, view)[1]["id"], 3),
    ]

    sales.patch(f"{checks}/{shown[0]['id']}", json={"severity": "warn"})
    act(sales, view, "run")
    wait(sales, view, "Completed")
    assert rows(sales, "select count() from orders_view") == [[4]]


def test_a_check_that_cannot_be_run_any_more_blocks(sales: Api, save: Save) -> None:
    view, other = save("v", "select id from sales"), save("other", "select id as key from sales")
    checks = f"{VIEWS}/{view['id']}/data_checks"
    made = add(sales, checks, "relationships", column="id", to="other", field="key")
    assert sales.delete(f"{VIEWS}/{other['id']}").status_code == 204
    act(sales, view, "run")
    assert 'There is no table or view "other".' in wait(sales, view, "Failed")["latest_error"]
    assert sales.get(f"{checks}/{made['id']}").json()["status"] == "error"
    assert sales.patch(f"{checks}/{made['id']}", json={"enabled": False}).json()["enabled"] is False
    act(sales, view, "run")
    wait(sales, view, "Completed")


def test_new_rows_of_a_table_are_refused_by_a_check(sales: Api, orders: str) -> None:
    add(sales, orders, "row_count", min=4)
    few = sales.post(
        f"{TABLES}/file", data={"name": "orders"}, files={"file": ("o.csv", b"id,city\n1,Rome\n", "text/csv")}
    )
    assert (few.status_code, few.json()["code"]) == (400, "check_failed")
    assert "1 rows, fewer than 4." in str(few.json())
    assert rows(sales, "select count() from orders") == [[4]]
    assert sales.get(f"{orders}/results").json()["results"][0]["status"] == "failed"
    upload(sales, CSV + b"5,Oslo,1,2026-01-04\n")
    assert rows(sales, "select count() from orders") == [[5]]


def test_checks_stay_in_their_project_and_behind_their_scopes(sales: Api, save: Save, orders: str) -> None:
    view = save("v", "select id from sales")
    path = f"{VIEWS}/{view['id']}/data_checks"
    made = add(sales, path, "not_null", column="id")
    other = sales.other_project()
    for asked in (path, f"{path}/{made['id']}", f"{path}/results"):
        assert other.get(asked).status_code == 404
    assert other.post(f"{path}/run").status_code == 404
    assert sales.get(f"{orders}/{made['id']}").status_code == 404
    assert sales.get(f"{TABLES}/{view['id']}/data_checks").status_code == 404
    reader = sales.with_key(sales.make_key(["warehouse_view:read"]))
    assert reader.get(path).status_code == 200
    assert reader.get(orders).status_code == 403
    assert reader.post(path, json={"kind": "row_count", "config": {"min": 1}}).status_code == 403
    assert sales.delete(f"{path}/{made['id']}").status_code == 204
    assert sales.get(f"{path}/{made['id']}").status_code == 404


def test_the_checks_of_a_deleted_view_are_gone(sales: Api, save: Save) -> None:
    view = save("v", "select id from sales")
    add(sales, f"{VIEWS}/{view['id']}/data_checks", "row_count", min=100)
    assert sales.delete(f"{VIEWS}/{view['id']}").status_code == 204
    again = save("v", "select id from sales")
    assert sales.get(f"{VIEWS}/{again['id']}").json()["data_checks"] == []


def test_the_last_100_findings_of_a_check_are_kept(sales: Api, orders: str) -> None:
    add(sales, orders, "row_count", min=1)
    with sales.house.store.write() as session:
        [checks] = shelf.of_project(session, sales.project_id).values()
        for number in range(105):
            shelf.note(session, [Finding(checks[0], "passed", "", None, number)])
    found = sales.get(f"{orders}/results?limit=500").json()["results"]
    assert [each["observed"] for each in found] == [float(number) for number in range(104, 4, -1)]
