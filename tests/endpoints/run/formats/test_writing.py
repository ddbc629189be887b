"""Every type of the engine's in every format, on both engines."""

import csv
import io
import itertools
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from hedgerow.endpoints.run.formats.choosing import FORMATS
from hedgerow.endpoints.run.formats.columns import carry
from hedgerow.endpoints.run.formats.writing import RowEnds, Rows, written
from hedgerow.engine.base import Engine, Query

pytestmark = pytest.mark.anyio

TIME, LATER = "2026-01-31T10:00:00Z", "2026-01-31T09:00:00.123Z"
# The engine's expression; what CSV has; what NDJSON has; Arrow's type; Arrow's value (that of JSON unless told).
CASES: list[tuple[Any, ...]] = [
    ("toUInt8(255)", "255", 255, pa.uint8()),
    ("toInt64(-9223372036854775807)", "-9223372036854775807", -(2**63) + 1, pa.int64()),
    ("toUInt64(18446744073709551615)", "18446744073709551615", 2**64 - 1, pa.uint64()),
    ("toInt128('170141183460469231731687303715884105727')", str(2**127 - 1), 2**127 - 1, pa.string(), str(2**127 - 1)),
    ("toFloat64(0.1)", "0.1", 0.1, pa.float64()),
    ("toBFloat16(1.5)", "1.5", 1.5, pa.float32()),
    ("1 / 0", "inf", None, pa.float64(), float("inf")),
    ("toDecimal64('1.10', 2)", "1.1", 1.1, pa.decimal128(18, 2), Decimal("1.10")),
    ("toDecimal256('1.1', 10)", "1.1", 1.1, pa.decimal256(76, 10), Decimal("1.1000000000")),
    ("true", "true", True, pa.bool_()),
    ("'a\"b,\\nc'", 'a"b,\nc', 'a"b,\nc', pa.string()),
    ("''", "", "", pa.string()),
    ("unhex('ff61')", "�a", "�a", pa.string()),
    ("toFixedString('ab', 2)", "ab", "ab", pa.string()),
    ("toLowCardinality('lc')", "lc", "lc", pa.string()),
    ("toLowCardinality(toNullable('lc'))", "lc", "lc", pa.string()),
    ("CAST('a', 'Enum8(\\'a\\' = 1, \\'b, (\\' = 2)')", "a", "a", pa.string()),
    ("toUUID('00000000-0000-0000-0000-000000000001')", "00000000-0000-0000-0000-000000000001", None, pa.string()),
    ("toIPv4('1.2.3.4')", "1.2.3.4", "1.2.3.4", pa.string()),
    ("NULL", "", None, pa.string()),
    ("CAST(NULL, 'Nullable(UUID)')", "", None, pa.string()),
    ("toDate('2026-01-31')", "2026-01-31", "2026-01-31", pa.date32(), "2026-01-31"),
    ("toDate32('1950-01-31')", "1950-01-31", "1950-01-31", pa.date32(), "1950-01-31"),
    ("toDateTime('2026-01-31 10:00:00', 'UTC')", TIME, TIME, pa.timestamp("s", "UTC"), "2026-01-31 10:00:00+00:00"),
    ("toDateTime64('2026-01-31 10:00:00.123', 3, 'Europe/Berlin')", LATER, LATER, pa.timestamp("ms", "Europe/Berlin"),
     "2026-01-31 10:00:00.123000+01:00"),
    ("toIntervalDay(3)", "3", 3, pa.int64()),
    ("['x', NULL]", '["x",null]', ["x", None], pa.list_(pa.field("item", pa.string()))),
    ("[unhex('ff61')]", '["�a"]', ["�a"], pa.list_(pa.field("item", pa.string(), nullable=False))),
    ("[toUUID('00000000-0000-0000-0000-000000000001')]", '["00000000-0000-0000-0000-000000000001"]', None,
     pa.list_(pa.field("item", pa.string(), nullable=False))),
    ("(1, 'a')", '[1,"a"]', [1, "a"], None, {"1": 1, "2": "a"}),
    ("CAST((1, 'a'), 'Tuple(`x y` UInt8, b Nullable(String))')", '{"x y":1,"b":"a"}', {"x y": 1, "b": "a"}, None),
    ("map('k', 1)", '{"k":1}', {"k": 1}, None, [("k", 1)]),
    ("CAST('{\"a\":1}', 'JSON')", '{"a":1}', {"a": 1}, pa.string(), '{"a":1}'),
    ("CAST(CAST('q', 'String'), 'Variant(String, Int64)')", '"q"', "q", pa.string(), '"q"'),
    ("CAST(5, 'Dynamic')", "5", 5, pa.string(), "5"),
    ("CAST((1.0, 2.0), 'Point')", "[1,2]", [1, 2], pa.string(), "[1,2]"),
]  # fmt: skip
SQL = "SELECT " + ", ".join(f"{case[0]} AS `c {place}`" for place, case in enumerate(CASES)) + " FROM numbers(2)"


@pytest.fixture(params=["chdb_engine", "clickhouse_engine"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


async def made(engine: Engine, name: str, sql: str = SQL, most: int | None = 1) -> bytes:
    rows = Rows(engine, Query(sql), most)
    whole = b"".join([piece async for piece in written(FORMATS[name], rows)])
    assert rows.count == (most if most is not None else 2)
    return whole


async def test_csv(engine: Engine) -> None:
    head, row = csv.reader(io.StringIO((await made(engine, "csv")).decode()))
    assert head == [f"c {place}" for place in range(len(CASES))]
    assert dict(zip((case[0] for case in CASES), row, strict=True)) == {case[0]: case[1] for case in CASES}


async def test_ndjson(engine: Engine) -> None:
    row = json.loads(await made(engine, "ndjson"))
    wanted = {f"c {place}": case[2] if case[2] is not None or not case[1] else row[f"c {place}"]
              for place, case in enumerate(CASES)}  # fmt: skip
    assert row == wanted
    assert row[f"c {[case[1] for case in CASES].index('inf')}"] is None


@pytest.mark.parametrize("name", ["arrow", "parquet"])
async def test_columns(engine: Engine, name: str) -> None:
    whole = await made(engine, name)
    found = pa.ipc.open_stream(whole).read_all() if name == "arrow" else parquet.read_table(io.BytesIO(whole))
    found.validate(full=True)
    (row,) = found.to_pylist()
    for place, (case, value) in enumerate(zip(CASES, row.values(), strict=True)):
        if case[3] is not None and name == "arrow":
            assert found.schema.field(place).type == case[3], case[0]
        wanted = case[4] if len(case) > 4 else case[2]
        if wanted is not None:
            assert value == wanted or str(value) == wanted, case[0]


@pytest.mark.parametrize("name", ["csv", "ndjson", "arrow", "parquet"])
async def test_rows_are_counted_whatever_is_in_them(engine: Engine, name: str) -> None:
    sql = "SELECT concat('a\"\\n', toString(number), '\\n') AS text, '\\n\"' AS other FROM numbers(30000)"
    rows = Rows(engine, Query(sql), None)
    async for _ in written(FORMATS[name], rows):
        pass
    assert rows.count == 30_000


def test_types_that_arrow_carries_stay() -> None:
    for kind in ("Int8", "Float32", "Nullable(String)", "Array(Nullable(Int64))", "Map(String, Array(Bool))"):
        assert carry(kind).engine == kind
    assert carry("Nullable(DateTime('Asia/Tokyo'))").engine == "Nullable(DateTime64(0, 'Asia/Tokyo'))"
    assert carry("Tuple(a DateTime, `b c` UUID)").engine == "Tuple(`a` DateTime64(0, 'UTC'), `b c` String)"
    assert carry("LowCardinality(Nullable(FixedString(3)))").engine == "Nullable(String)"
    assert carry("SimpleAggregateFunction(sum, UInt64)").engine == "UInt64"


@given(fields=st.lists(st.text('a"\n,', max_size=6), min_size=1, max_size=12), cuts=st.lists(st.integers(0, 100)))
def test_row_ends_are_found_wherever_a_piece_begins(fields: list[str], cuts: list[int]) -> None:
    whole = "".join('"' + field.replace('"', '""') + '"\n' for field in fields).encode()
    places = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    ends = RowEnds()
    assert sum(ends.count(whole[begin:end]) for begin, end in itertools.pairwise(places)) == len(fields)
