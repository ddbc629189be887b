"""The engine's types and HogQL's."""

import pytest

from hedgerow.engine.result import Column
from hedgerow.warehouse.types import NAMED_TYPES, hogql_type, storable, widened


@pytest.mark.parametrize(
    ("engine", "hogql"),
    [
        ("Int64", "integer"),
        ("Nullable(UInt8)", "integer"),
        ("Float32", "float"),
        ("Nullable(Decimal(38, 10))", "decimal"),
        ("LowCardinality(Nullable(String))", "string"),
        ("FixedString(3)", "string"),
        ("Enum8('a' = 1)", "string"),
        ("UUID", "string"),
        ("Bool", "boolean"),
        ("Date32", "date"),
        ("Nullable(DateTime64(6, 'UTC'))", "datetime"),
        ("Array(Nullable(Int64))", "array"),
        ("Map(String, Int64)", "json"),
        ("Nullable(Tuple(a Int64))", "json"),
        ("JSON", "json"),
        ("Nullable(Nothing)", "unknown"),
        ("AggregateFunction(sum, Int64)", "unknown"),
    ],
)
def test_hogql_type(engine: str, hogql: str) -> None:
    assert hogql_type(engine) == hogql


def test_named_types_are_what_they_are_called() -> None:
    assert {name: hogql_type(kind) for name, kind in NAMED_TYPES.items() if name != "json"} == {
        name: name for name in NAMED_TYPES if name != "json"
    }


def test_columns_without_values_are_text() -> None:
    assert storable((Column("a", "Nullable(Nothing)"), Column("b", "Int8"))) == (
        Column("a", "Nullable(String)"),
        Column("b", "Int8"),
    )


def test_widening_ends_at_text() -> None:
    assert widened("Nullable(Int64)") == "Nullable(Float64)"
    assert widened("Nullable(Float64)") == widened("Nullable(Date)") == "Nullable(String)"
    assert widened("Nullable(String)") is None
