"""Compiled queries that are kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from hedgerow.endpoints.records import Version
from hedgerow.endpoints.run import plans
from hedgerow.endpoints.run.plans import Page, Plans
from hedgerow.endpoints.values import values_of
from hedgerow.kit.clock import now
from hedgerow.language.query.catalog import Catalog, PhysicalTable, Table, TableColumn
from hedgerow.language.query.materializing.serving import Served, Tables
from hedgerow.language.query.pipeline import CompiledQuery, plan_tables

CATALOG = Catalog(1, "p1", {"t": Table("t", PhysicalTable("p1", "t_1"), (TableColumn("a", "String", "a"),))})

WHOLE = Page()


def _version(text: str, filters: Any = None) -> Version:
    query = {"query": text, "filters": filters}
    return Version(uuid4(), 1, query, "", 900, True, None, (), None, now(), now(), None)


class _Counted:
    """Plans that count how often they compile."""

    def __init__(self) -> None:
        self.plans, self.compiled = Plans(50_000), 0

    def plan(
        self,
        version: Version,
        values: Mapping[str, Any],
        page: Page = WHOLE,
        catalog: Catalog = CATALOG,
        tables: Tables | None = None,
    ) -> CompiledQuery:
        real = plans.compile_query

        def counting(*arguments: Any) -> CompiledQuery:
            self.compiled += 1
            return real(*arguments)

        with patch.object(plans, "compile_query", counting):
            return asyncio.run(self.plans.plan(version, catalog, values, page, tables=tables))


@pytest.fixture
def counted() -> _Counted:
    return _Counted()


def test_new_values_are_bound_without_compiling(counted: _Counted) -> None:
    version = _version("select a from t where a = {variables.x}")
    found = {value: counted.plan(version, {"x": value}) for value in ("one", "two", "it's")}
    assert counted.compiled == 1
    for value, plan in found.items():
        assert [bound.value for bound in plan.parameters.values() if bound.value in found] == [value]
        assert value not in plan.sql


def test_a_text_is_kept_for_each_way_of_cutting_buckets(counted: _Counted) -> None:
    columns = tuple(TableColumn(name, kind, name) for name, kind in {"ts": "DateTime('UTC')", "n": "Int64"}.items())
    catalog = Catalog(1, "p1", {"t": Table("t", PhysicalTable("p1", "t_1"), columns)})
    text = "select sum(n) from t where ts >= {variables.from} and ts < {variables.to}"
    aligned, within = {"from": "2026-01-02", "to": "2026-02-05"}, {"from": "2026-01-02 10:30:00", "to": "2026-02-05"}
    (made,) = plan_tables(text, catalog, aligned, "kept", {})
    types = {"a": "DateTime('UTC')", "sum_0": "AggregateFunction(sum, Int64)"}
    tables, version = Tables([Served(replace(made.piece, types=types), "kept")]), _version(text)
    for _ in range(3):
        assert "t_1" not in counted.plan(version, aligned, catalog=catalog, tables=tables).sql
        assert "t_1" in counted.plan(version, within, catalog=catalog, tables=tables).sql
    assert counted.compiled == 2


def test_another_type_another_page_or_another_catalog_compiles(counted: _Counted) -> None:
    version = _version("select a from t where a = {variables.x}")
    counted.plan(version, {"x": "one"})
    counted.plan(version, {"x": 1})
    counted.plan(version, {"x": None})
    counted.plan(version, {"x": "one"}, Page(5, 1))
    assert counted.compiled == 4
    counted.plan(version, {"x": "two"})
    counted.plan(version, {"x": None})
    counted.plan(version, {"x": "two"}, Page(5, 1))
    assert counted.compiled == 4
    counted.plan(version, {"x": "two"}, catalog=Catalog(1, "p1", CATALOG.tables))
    assert counted.compiled == 5


def test_a_value_in_the_text_itself_compiles(counted: _Counted) -> None:
    version = _version("select a from t limit {variables.n}")
    assert counted.plan(version, {"n": 3}).row_limit == 3
    assert counted.plan(version, {"n": 4}).row_limit == 4


def test_queries_with_filters_are_not_kept(counted: _Counted) -> None:
    version = _version("select a from t", {"dateRange": {"date_from": "-7d"}})
    counted.plan(version, {})
    counted.plan(version, {})
    assert counted.compiled == 2


def test_only_so_many_are_kept(counted: _Counted) -> None:
    with patch.object(plans, "_MOST_KEPT", 3):
        version = _version("select a from t")
        for offset in range(5):
            counted.plan(version, {}, Page(1, offset))
        counted.plan(version, {}, Page(1, 4))
        assert counted.compiled == 5
        counted.plan(version, {}, Page(1, 0))
        assert counted.compiled == 6


def test_where_values_come_from() -> None:
    query = {
        "variables": {
            "1": {"code_name": "own", "value": 5},
            "2": {"code_name": "default", "value": None, "isNull": None},
            "3": {"code_name": "null", "value": None, "isNull": True},
            "4": {"code_name": "none"},
        }
    }
    assert values_of(query, {"1": 6, "2": 7, "3": 8}) == {"own": 5, "default": 7, "null": None, "none": None}
    assert values_of({"variables": None}) == {}
