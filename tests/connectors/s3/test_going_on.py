"""Reads of a table of files that are broken off and gone on with: each row once, or everything anew."""

from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Moved, Onward, Place, Resumable
from hedgerow.connectors.s3 import S3Connector
from tests.connectors.s3.conftest import as_parquet
from tests.support.buckets import Bucket

_FILES, _LINES = 5, 30


def _put(bucket: Bucket, number: int, lines: int = _LINES) -> None:
    values = [number * 1000 + line for line in range(lines)]
    if number % 2:
        bucket.put(f"t/{number}.parquet", as_parquet(pa.table({"n": values})))
    else:
        bucket.put(f"t/{number}.csv", "n\n" + "".join(f"{value}\n" for value in values))


@pytest.fixture
def filled(bucket: Bucket) -> Bucket:
    for number in range(_FILES):
        _put(bucket, number)
    return bucket


def _read(
    connector: S3Connector, config: dict[str, Any], place: Place | None, stop: int = 0, every: int = 1, **ask: Any
) -> tuple[list[int], list[Place]]:
    """Values and places: up to the place number `stop`, if that is not 0; a place is due every so many files."""
    values, places, asked = [], [], 0

    def due() -> bool:
        nonlocal asked
        asked += 1
        return asked % every == 0

    reading = connector.steps(config, Ask("t", **ask), Onward(place, due))
    for step in reading:
        assert not step.changed
        if step.batch is not None:
            values += step.batch.column("n").to_pylist()
        if step.place is not None:
            places.append(step.place)
            if len(places) == stop:
                break
    reading.close()  # type: ignore[attr-defined]
    return values, places


def _all(files: int = _FILES) -> list[int]:
    return [number * 1000 + line for number in range(files) for line in range(_LINES)]


def test_it_can_be_gone_on_with(connector: S3Connector) -> None:
    assert isinstance(connector, Resumable)


@pytest.mark.parametrize("batch_rows", [7, 1_000])
@pytest.mark.parametrize("every", [1, 2])
def test_each_row_comes_once_wherever_a_read_is_broken_off(
    connector: S3Connector, config: dict[str, Any], filled: Bucket, every: int, batch_rows: int
) -> None:
    whole, places = _read(connector, config, None, every=every, batch_rows=batch_rows)
    assert (sorted(whole), len(places)) == (_all(), (_FILES - 1) // every)
    for stop, place in enumerate(places, 1):
        first, told = _read(connector, config, None, stop, every, batch_rows=batch_rows)
        rest, _ = _read(connector, config, place)
        assert told[-1] == place
        assert sorted(first + rest) == _all()
        assert len(rest) == _LINES * (_FILES - stop * every)


def test_files_that_came_since_are_in_the_rest(connector: S3Connector, config: dict[str, Any], filled: Bucket) -> None:
    first, places = _read(connector, config, None, 3)
    _put(filled, _FILES)
    rest, _ = _read(connector, config, places[-1])
    assert sorted(first + rest) == _all(_FILES + 1)


@pytest.mark.parametrize("what", ["written anew", "longer", "gone"])
@pytest.mark.parametrize("file", ["0.csv", "1.parquet"])
def test_where_a_given_file_is_another_all_are_read_anew(
    connector: S3Connector, config: dict[str, Any], filled: Bucket, file: str, what: str
) -> None:
    _, places = _read(connector, config, None, 3)
    if what == "gone":
        filled.client.delete_object(Bucket=filled.name, Key=f"t/{file}")
    else:
        _put(filled, int(file[0]), _LINES + (what == "longer"))
    with pytest.raises(Moved):
        _read(connector, config, places[-1])


def test_a_later_file_may_change(connector: S3Connector, config: dict[str, Any], filled: Bucket) -> None:
    first, places = _read(connector, config, None, 3)
    filled.client.delete_object(Bucket=filled.name, Key="t/4.csv")
    _put(filled, 3, 1)
    rest, _ = _read(connector, config, places[-1])
    assert sorted(first + rest) == [*_all(3), 3000]
