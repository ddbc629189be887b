"""Types on their way: what one holds of another, and cursors that come back as they went."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.connectors.types import arrow_type, engine_type, holds
from hedgerow.sources.sync import cursors

_SCALARS = st.sampled_from(
    [
        pa.bool_(),
        pa.int8(),
        pa.int64(),
        pa.uint8(),
        pa.uint64(),
        pa.float32(),
        pa.float64(),
        pa.string(),
        pa.date32(),
        pa.timestamp("us", "UTC"),
        pa.decimal128(10, 2),
        pa.decimal256(76, 20),
    ]
)
_TYPES = st.recursive(_SCALARS, lambda inner: inner.map(pa.list_), max_leaves=3)
_MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
_VALUES = st.one_of(
    st.integers(),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    _MOMENTS,
    _MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC)),
    st.text(),
)


@given(_TYPES)
def test_an_engine_s_type_leads_back_to_arrow_s(kind: pa.DataType) -> None:
    assert arrow_type(engine_type(kind)) == kind


@given(_VALUES)
def test_cursors_come_back_as_they_went(value: Any) -> None:
    back = cursors.read(cursors.kept(value))
    assert (type(back), back) == (type(value), value)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("Nullable(Int64)", "Nullable(Int32)"),
        ("Nullable(Int64)", "Nullable(UInt32)"),
        ("Nullable(Float64)", "Nullable(Float32)"),
        ("Nullable(Decimal(12, 4))", "Nullable(Decimal(6, 2))"),
        ("Nullable(Decimal(38, 10))", "Nullable(Int64)"),
    ],
)
def test_wider_types_hold_narrower_ones_and_not_the_other_way(wide: str, narrow: str) -> None:
    assert holds(wide, narrow)
    assert holds(narrow, narrow)
    assert not holds(narrow, wide)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nullable(String)", "Nullable(Int64)"),
        ("Nullable(UInt64)", "Nullable(Int64)"),
        ("Nullable(Float64)", "Nullable(Int64)"),
        ("Nullable(Decimal(12, 4))", "Nullable(Decimal(12, 2))"),
        ("Nullable(Date32)", "Nullable(DateTime64(6, 'UTC'))"),
        ("Nullable(Int64)", "Array(Nullable(Int64))"),
    ],
)
def test_types_that_lose_something_hold_nothing(one: str, other: str) -> None:
    assert not holds(one, other)
    assert not holds(other, one)


def test_the_highest_value_passes_nulls_by() -> None:
    assert cursors.highest(pa.array([3, None, 5]), 4) == 5
    assert cursors.highest(pa.array([3, None]), 4) == 4
    assert cursors.highest(pa.array([None], pa.int64()), None) is None
    moment = datetime(2026, 1, 1, 2, tzinfo=UTC)
    assert cursors.of_text("2026-01-01 02:00:00.000000", pa.timestamp("us", "UTC")) == moment
    assert cursors.of_text("2026-01-01", pa.date32()) == date(2026, 1, 1)
    assert cursors.of_text("1.50", pa.decimal128(4, 2)) == Decimal("1.50")
