"""Values of a column for filters to offer."""

from typing import Any

import pytest

from tests.support.apps import Api

ROWS = (
    b'{"city": "Rome", "tags": ["a", "b"], "paid": true, "amount": 1.5, "zip code": "00100"}\n'
    b'{"city": "Oslo", "tags": [], "paid": true, "amount": 2, "zip code": "0150"}\n'
    b'{"city": "Rome", "tags": ["a", "b"], "paid": true, "amount": null, "zip code": "x"}\n'
    b'{"city": "romeo%\'s", "tags": ["a", "b"], "paid": true, "amount": 10, "zip code": "x"}\n'
    b'{"city": null, "tags": ["a", "b"], "paid": true, "amount": 10, "zip code": "x"}\n'
)


@pytest.fixture
def sales(api: Api) -> Api:
    body = {"name": "sales", "format": "JSONEachRow"}
    made = api.post("/warehouse_tables/file", data=body, files={"file": ("s.json", ROWS, "application/json")})
    assert made.status_code == 201, made.text
    return api


def _values(api: Api, key: str, table_name: str = "sales", **more: str) -> list[str]:
    answer = api.get("/data_warehouse/property_values", params={"key": key, "table_name": table_name, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "max-age=10"
    assert answer.json()["refreshing"] is False
    return [each["name"] for each in answer.json()["results"]]


def test_values_are_texts_without_nulls_and_doubles(sales: Api) -> None:
    assert sorted(_values(sales, "city")) == ["Oslo", "Rome", "romeo%'s"]
    assert sorted(_values(sales, "tags")) == ["a", "b"]
    assert _values(sales, "paid") == ["true"]
    assert sorted(_values(sales, "amount")) == ["1.5", "10", "2"]
    assert sorted(_values(sales, "zip code")) == ["00100", "0150", "x"]


def test_a_text_is_looked_for_whatever_its_case_and_characters(sales: Api) -> None:
    assert _values(sales, "city", value="ROME") == ["Rome", "romeo%'s"]
    assert _values(sales, "city", value="%") == ["romeo%'s"]
    assert _values(sales, "city", value="'") == ["romeo%'s"]
    assert _values(sales, "city", value="') or 1=1 --") == []
    assert _values(sales, "amount", value="1") == ["10", "1.5"]


def test_views_have_values_and_ten_are_enough(sales: Api) -> None:
    text = "select concat('n', toString(number)) as name from numbers(1000)"
    body = {"name": "finance.numbered", "query": {"kind": "HogQLQuery", "query": text}}
    assert sales.post("/warehouse_saved_queries", json=body).status_code == 201
    assert len(set(_values(sales, "name", "finance.numbered"))) == 10
    assert _values(sales, "name", "finance.numbered", value="99")[:2] == ["n99", "n199"]


@pytest.mark.parametrize(
    ("wishes", "status", "told"),
    [
        ({"table_name": "sales"}, 400, {"attr": "key", "detail": "You must provide a key"}),
        ({"key": "city"}, 400, {"attr": "table_name", "detail": "You must provide a table name"}),
        (
            {"key": "none", "table_name": "sales"},
            400,
            {"attr": "key", "detail": "The provided key does not exist on this table"},
        ),
        ({"key": "city", "table_name": "nowhere"}, 404, {"error": "Data warehouse table not found"}),
    ],
)
def test_what_is_not_there(sales: Api, wishes: dict[str, str], status: int, told: dict[str, Any]) -> None:
    answer = sales.get("/data_warehouse/property_values", params=wishes)
    assert answer.status_code == status, answer.text
    assert answer.json().items() >= told.items()


def test_tables_of_other_projects_are_not_there(sales: Api) -> None:
    other = sales.other_project()
    answer = other.get("/data_warehouse/property_values", params={"key": "city", "table_name": "sales"})
    assert answer.status_code == 404
