"""Rows of files of each format: as they were written, under one schema for all files of a table."""

import bz2
import gzip
import json
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.s3 import S3Connector
from tests.connectors.s3.conftest import as_parquet, rows, table, types
from tests.support.buckets import Bucket

_INSTANT, _LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")

# The texts of a CSV column, its type here, and its values here.
_CSV: dict[str, tuple[list[str], pa.DataType, list[Any]]] = {
    "whole": (["-1", "", "9223372036854775807"], pa.int64(), [-1, None, 2**63 - 1]),
    "huge": (["1", "", "9223372036854775808"], pa.float64(), [1.0, None, 9223372036854775808.0]),
    "zeros": (["007", "", "1"], pa.string(), ["007", None, "1"]),
    "number": (["1.5", "", "-2e3"], pa.float64(), [1.5, None, -2000.0]),
    "mixed": (["1", "", "0.25"], pa.float64(), [1.0, None, 0.25]),
    "truth": (["true", "", "False"], pa.bool_(), [True, None, False]),
    "day": (["2026-02-28", "", "1970-01-01"], pa.date32(), [date(2026, 2, 28), None, date(1970, 1, 1)]),
    "no_day": (["2026-02-30", "", "1970-01-01"], pa.string(), ["2026-02-30", None, "1970-01-01"]),
    "local": (
        ["2026-01-01 10:00:00.5", "", "2026-01-01T10:00"],
        _LOCAL,
        [datetime(2026, 1, 1, 10, 0, 0, 500000), None, datetime(2026, 1, 1, 10)],
    ),
    "instant": (
        ["2026-01-01T10:00:00Z", "", "2026-01-01 10:00:00+05:30"],
        _INSTANT,
        [datetime(2026, 1, 1, 10, tzinfo=UTC), None, datetime(2026, 1, 1, 4, 30, tzinfo=UTC)],
    ),
    "early": (["0001-01-01", "", "9999-12-31"], pa.date32(), [date(1900, 1, 1), None, date(2299, 12, 31)]),
    "text": (["naïve 🦔", "", "1"], pa.string(), ["naïve 🦔", None, "1"]),
    "quoted": (['"a,\n""b"""', '""', "x"], pa.string(), ['a,\n"b"', "", "x"]),
    "null": (["\\N", "", "NA"], pa.string(), [None, None, "NA"]),
    "none": (["", "", ""], pa.string(), [None, None, None]),
}


def test_types_of_csv(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    lines = [",".join(_CSV), *(",".join(texts[number] for texts, _, _ in _CSV.values()) for number in range(3))]
    bucket.put("t/1.csv", "\ufeff" + "\r\n".join(lines))
    assert types(connector, config, "t") == {name: kind for name, (_, kind, _) in _CSV.items()}
    read = rows(connector, config, "t")
    assert {name: [row[name] for row in read] for name in _CSV} == {name: v for name, (_, _, v) in _CSV.items()}


_KINDS = pa.table(
    {
        "i8": pa.array([1, None], pa.int8()),
        "u64": pa.array([2**64 - 1, None], pa.uint64()),
        "f32": pa.array([0.5, None], pa.float32()),
        "truth": [True, None],
        "price": pa.array([None, None], pa.decimal128(10, 2)),
        "word": ["🦔", None],
        "large": pa.array(["x", None], pa.large_string()),
        "kind": pa.array(["a", None]).dictionary_encode(),
        "raw": pa.array([b"\x00\xff", None], pa.binary()),
        "fixed": pa.array([b"ab", None], pa.binary(2)),
        "day": pa.array([date(2026, 1, 1), None]),
        "nano": pa.array([1_700_000_000_123_456_789, None], pa.timestamp("ns")),
        "zoned": pa.array([datetime(2026, 1, 1, tzinfo=UTC), None], pa.timestamp("ms", "Asia/Kolkata")),
        "time": pa.array([3_600_000_000, None], pa.time64("us")),
        "numbers": pa.array([[1, None], None], pa.list_(pa.int32())),
        "days": pa.array([[date(2026, 1, 1)], []], pa.list_(pa.date32())),
        "inner": pa.array([{"a": 1, "b": [date(2026, 1, 1)]}, None]),
        "pairs": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "nothing": pa.nulls(2),
        "odd ` name.x": [1, 2],
    }
)
_PARQUET: dict[str, tuple[pa.DataType, Any]] = {
    "i8": (pa.int8(), 1),
    "u64": (pa.uint64(), 2**64 - 1),
    "f32": (pa.float32(), 0.5),
    "truth": (pa.bool_(), True),
    "price": (pa.decimal128(10, 2), None),
    "word": (pa.string(), "🦔"),
    "large": (pa.string(), "x"),
    "kind": (pa.string(), "a"),
    "raw": (pa.binary(), b"\x00\xff"),
    "fixed": (pa.binary(), b"ab"),
    "day": (pa.date32(), date(2026, 1, 1)),
    "nano": (_LOCAL, datetime(2023, 11, 14, 22, 13, 20, 123456)),
    "zoned": (_INSTANT, datetime(2026, 1, 1, tzinfo=UTC)),
    "time": (pa.string(), "01:00:00.000000"),
    "numbers": (pa.list_(pa.int32()), [1, None]),
    "days": (pa.list_(pa.string()), ["2026-01-01"]),
    "inner": (pa.string(), '{"a":1,"b":["2026-01-01"]}'),
    "pairs": (pa.string(), '{"k":1}'),
    "nothing": (pa.string(), None),
    "odd ` name.x": (pa.int64(), 1),
}


def test_types_of_parquet(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.parquet", as_parquet(_KINDS))
    assert types(connector, config, "t") == {name: kind for name, (kind, _) in _PARQUET.items()}
    first, second = rows(connector, config, "t")
    assert first == {name: value for name, (_, value) in _PARQUET.items()}
    assert {name for name, value in second.items() if value is not None} == {"days", "odd ` name.x"}
    assert table(connector, config, "t").row_estimate == 2


def test_types_of_json(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    one = {"n": 1, "f": 1, "t": True, "s": "x", "at": "2026-01-01T10:00:00Z", "o": {"a": [1]}, "m": 1, "big": 2**70}
    two = {"n": -5, "f": 0.5, "d": "2026-01-01", "s": "é🦔", "o": None, "m": "word"}
    for name, text in {
        "lines": f"{json.dumps(one)}\n\n{json.dumps(two)}",
        "list": json.dumps([one, two], indent=2),
        "run": json.dumps(one, indent=1) + json.dumps(two),
    }.items():
        bucket.put(f"{name}/1.json", text)
        assert types(connector, config, name) == {
            "n": pa.int64(),
            "f": pa.float64(),
            "t": pa.bool_(),
            "s": pa.string(),
            "at": _INSTANT,
            "o": pa.string(),
            "m": pa.string(),
            "big": pa.string(),
            "d": pa.date32(),
        }
        first, second = rows(connector, config, name)
        assert (first["big"], first["o"], first["m"], first["d"]) == (str(2**70), '{"a":[1]}', "1", None)
        assert (second["d"], second["s"], second["m"], second["at"]) == (date(2026, 1, 1), "é🦔", "word", None)


@pytest.mark.parametrize("text", ["[1, 2]", '{"a": 1', "[{}", "nonsense", '{"a": 1} x', '{"a" 1}\n{"b": 2}'])
def test_what_is_no_json_is_told_by_its_name(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, text: str
) -> None:
    bucket.put("t/wrong.json", text)
    with pytest.raises(Refused, match=r"t/wrong\.json") as caught:
        connector.find(config, "t")
    assert not caught.value.retryable


def test_drift_over_files_is_one_schema(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.parquet", as_parquet(pa.table({"id": pa.array([1], pa.int32()), "gone": ["x"], "v": [1]})))
    bucket.put("t/2.parquet", as_parquet(pa.table({"v": [0.5], "id": [2**40], "new": [True]})))
    bucket.put("t/3.csv", "id,v\n3,word\n")
    assert types(connector, config, "t") == {
        "id": pa.int64(),
        "gone": pa.string(),
        "v": pa.string(),
        "new": pa.bool_(),
    }
    assert sorted(rows(connector, config, "t"), key=lambda row: row["id"]) == [
        {"id": 1, "gone": "x", "v": "1", "new": None},
        {"id": 3, "gone": None, "v": "word", "new": None},
        {"id": 2**40, "gone": None, "v": "0.5", "new": True},
    ]


@pytest.mark.parametrize("end", ["csv", "json"])
def test_what_a_look_did_not_show_is_learned(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, end: str
) -> None:
    """A file of more than the four megabytes that are looked at, whose end is another than its beginning."""
    filler = "x" * 1000
    if end == "csv":
        text = "id,word\n" + "".join(f"{n},{filler}\n" for n in range(6000)) + "none,last\n"
    else:
        text = "".join(f'{{"id": {n}, "word": "{filler}"}}\n' for n in range(6000)) + '{"id": "none", "late": 1}\n'
    bucket.put(f"t/1.{end}", text)
    before = table(connector, config, "t")
    assert next(column.arrow_type for column in before.columns if column.name == "id") == pa.int64()
    with pytest.raises(Refused, match=f"t/1.{end}.*read again") as caught:
        list(connector.read(config, Ask("t", found=before)))
    assert caught.value.retryable
    assert types(connector, config, "t")["id"] == pa.string()
    read = rows(connector, config, "t", columns=("id",))
    assert [row["id"] for row in (read[0], read[-1])] == ["0", "none"]
    assert len(read) == 6001
    if end == "json":
        assert rows(connector, config, "t")[-1]["late"] == 1


def test_new_columns_of_new_files_are_not_lost(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.csv", "a\n1\n")
    before = table(connector, config, "t")
    bucket.put("t/2.csv", "a,b\n2,3\n")
    with pytest.raises(Refused, match=r"Column b .* new file") as caught:
        list(connector.read(config, Ask("t", columns=("a",), found=before)))
    assert caught.value.retryable
    now = table(connector, config, "t")
    assert rows(connector, config, "t", found=now) == [{"a": 1, "b": None}, {"a": 2, "b": 3}]


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lambda raw: pa.Codec("zstd").compress(raw, asbytes=True)]
)
def test_packed_files(connector: S3Connector, config: dict[str, Any], bucket: Bucket, pack: Any) -> None:
    bucket.put("t/1.csv.gz", pack("a,b\n1,ü\n".encode()))
    bucket.put("t/2.jsonl", pack(b'{"a": 2, "b": "y"}\n'))
    assert rows(connector, config, "t") == [{"a": 1, "b": "ü"}, {"a": 2, "b": "y"}]


def test_two_packed_members_are_one_file(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.csv.gz", gzip.compress(b"a\n1\n") + gzip.compress(b"2\n"))
    assert rows(connector, config, "t") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("end", ["csv", "json"])
def test_a_packed_file_that_breaks_off_is_refused(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, end: str
) -> None:
    text = "a\n1\n2\n" if end == "csv" else '{"a": 1}\n{"a": 2}\n'
    bucket.put(f"t/1.{end}.gz", gzip.compress((text * 3000).encode())[:-20])
    with pytest.raises(Refused, match=f"t/1.{end}.gz"):
        list(connector.read(config, Ask("t")))


@pytest.mark.parametrize(
    ("text", "said", "wanted"),
    [
        ("a;b\n1;2,5\n", {}, [{"a": 1, "b": "2,5"}]),
        ("a\tb\n1\tx y\n", {}, [{"a": 1, "b": "x y"}]),
        ("a|b\n1|x\n", {"csv_delimiter": "|"}, [{"a": 1, "b": "x"}]),
        ("a\tb\n1,2\tx\n", {"csv_delimiter": "\\t"}, [{"a": "1,2", "b": "x"}]),
        ("1,x\n2,y\n", {"csv_header": False}, [{"c1": 1, "c2": "x"}, {"c1": 2, "c2": "y"}]),
        ("a,b\n1,'x,y'\n", {"csv_quote": "'"}, [{"a": 1, "b": "x,y"}]),
        ('a,b\n1,5" pipe\n', {"csv_quote": "none"}, [{"a": 1, "b": '5" pipe'}]),
        ("a,b\n1,ü\n".encode("latin-1"), {"csv_encoding": "latin-1"}, [{"a": 1, "b": "ü"}]),
        ("a,b\n1,ü\n".encode("utf-16"), {"csv_encoding": "utf-16"}, [{"a": 1, "b": "ü"}]),
        ('"a\nb",\n1,2', {}, [{"a\nb": 1, "c2": 2}]),
        ("\n\na,b\n\n1,2\n\n", {}, [{"a": 1, "b": 2}]),
        ("a,b\n", {}, []),
        ("\n", {}, []),
        ("a\n1", {}, [{"a": 1}]),
    ],
)
def test_ways_of_writing_csv(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, text: str | bytes, said: Any, wanted: Any
) -> None:
    bucket.put("t/1.csv", text)
    assert rows(connector, {**config, **said}, "t") == wanted


@pytest.mark.parametrize(
    ("key", "content", "word"),
    [
        ("t/1.csv", "a,b\n1,2\n3\n", "row 3 has 1 columns in place of 2"),
        ("t/1.csv", "a,b\n1,2,secret\n", "row 2 has 3 columns in place of 2"),
        ("t/1.csv", "a,a\n1,2\n", "two of its columns are called a"),
        ("t/1.csv", b"a\n\xff\xfe\n", "not written in utf-8"),
        ("t/1.parquet", b"PAR1 this is none", "not a Parquet file"),
        ("t/1.parquet", b"a\n1\n", "not a Parquet file"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_name(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, key: str, content: str | bytes, word: str
) -> None:
    bucket.put(key, content)
    with pytest.raises(Refused, match=word) as caught:
        list(connector.read(config, Ask("t")))
    assert key in caught.value.text
    assert "secret" not in caught.value.text
    assert not caught.value.retryable


def test_a_table_that_cannot_be_read_does_not_hide_the_others(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket
) -> None:
    bucket.put("bad/1.parquet", "this is none")
    bucket.put("good/1.csv", "a\n1\n")
    bad, good = connector.discover(config)
    assert (bad.name, bad.columns, good.name, len(good.columns)) == ("bad", (), "good", 4)
    assert "bad/1.parquet cannot be read: it is not a Parquet file" in (bad.description or "")


def test_a_damaged_parquet_file_is_told(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    whole = as_parquet(pa.table({"word": [f"word {n}" for n in range(10_000)]}))
    bucket.put("t/1.parquet", whole[:100] + b"\x55" * (len(whole) // 2) + whole[100 + len(whole) // 2 :])
    with pytest.raises(Refused, match=r"t/1\.parquet"):
        list(connector.read(config, Ask("t")))


def test_no_rows_one_row_and_two_thousand_columns(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket
) -> None:
    names = [f"column_{number}" for number in range(2000)]
    wide = {name: number for number, name in enumerate(names)}
    bucket.put("none/1.parquet", as_parquet(pa.table({"a": pa.array([], pa.int64())})))
    bucket.put("none/2.csv", b"")
    bucket.put("none/3.json", b"  \n")
    assert types(connector, config, "none") == {"a": pa.int64()}
    assert rows(connector, config, "none") == []
    bucket.put("wide/1.csv", f"{','.join(names)}\n{','.join(map(str, wide.values()))}\n")
    bucket.put("wide/2.json", json.dumps(wide))
    bucket.put("wide/3.parquet", as_parquet(pa.table({name: [value] for name, value in wide.items()})))
    assert rows(connector, config, "wide") == [wide, wide, wide]
    assert rows(connector, config, "wide", columns=("column_7", "_line")) == [{"column_7": 7}] * 3


def test_long_values(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    long = "x" * 6_000_000
    bucket.put("t/1.csv", f"a,b\n1,{long}\n2,y\n")
    bucket.put("t/2.json", json.dumps({"a": 3, "b": long}))
    assert [len(row["b"]) for row in rows(connector, config, "t")] == [len(long), 1, len(long)]


def test_a_name_of_ours_is_refused(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.csv", "_file\nx\n")
    with pytest.raises(Refused, match="_file"):
        connector.find(config, "t")


def test_batches_are_no_larger_than_asked_for(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.parquet", as_parquet(pa.table({"word": ["x" * 1000] * 5000})))
    batches = list(connector.read(config, Ask("t", batch_bytes=100_000)))
    assert sum(batch.num_rows for batch in batches) == 5000
    assert all(batch.nbytes < 130_000 for batch in batches)
