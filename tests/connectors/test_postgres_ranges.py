"""Reads of PostgreSQL tables that are gone on with: the rest, and what was written since."""

from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
import pytest

from hedgerow.connectors import Ask, Moved, Onward, Place, Resumable
from hedgerow.connectors.postgres import PostgresConnector
from tests.connectors.postgres_tables import config_of

_ROWS = 60_000
_MAKE = "CREATE TABLE many (id bigint PRIMARY KEY, word text, seen bigint) WITH (fillfactor = 90)"
_FILL = "INSERT INTO many SELECT i, repeat(md5(i::text), 8), i FROM generate_series(1, {}) i"
Rows = dict[int, tuple[Any, ...]]


Read = Callable[..., tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], Place | None]]


@pytest.fixture
def read(connector: PostgresConnector, postgres_url: str) -> Read:
    """Read until so many places were given, or to the end: rows, changed rows, and the last place."""

    def steps(places: int | None = None, place: Place | None = None, table: str = "many") -> Any:
        plain: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        last: Place | None = None
        given = count(1)
        asked = connector.steps(config_of(postgres_url), Ask(table), Onward(place, lambda: True, "seen"))
        for step in asked:
            if step.batch is not None:
                (changed if step.changed else plain).extend(zip(*step.batch.to_pydict().values(), strict=True))
            else:
                last = step.place
                if next(given) == places:
                    break
        asked.close()  # type: ignore[attr-defined]
        return plain, changed, last

    return steps


def _keyed(*parts: list[tuple[Any, ...]]) -> Rows:
    """Later parts take the place of earlier ones; within them each key comes once."""
    for part in parts:
        assert len({row[0] for row in part}) == len(part)
    return {row[0]: row for part in parts for row in part}


def _there(database: psycopg.Connection[Any], table: str = "many") -> Rows:
    return {row[0]: row for row in database.execute(f"SELECT * FROM {table}").fetchall()}  # type: ignore[arg-type]


def test_a_connector_says_that_it_can(connector: PostgresConnector) -> None:
    assert isinstance(connector, Resumable)


def test_nothing_is_read_twice_when_nothing_was_written(database: psycopg.Connection[Any], read: Read) -> None:
    database.execute(_MAKE)
    database.execute(_FILL.format(_ROWS))  # type: ignore[arg-type]
    first, _, place = read(2)
    rest, changed, _ = read(None, place)
    assert 0 < len(first) < _ROWS
    assert changed == []
    assert len(first) + len(rest) == _ROWS
    assert _keyed(first + rest) == _there(database)


def test_what_was_written_meanwhile_is_read_again_wherever_it_lies(
    database: psycopg.Connection[Any], read: Read
) -> None:
    database.execute(_MAKE)
    database.execute(_FILL.format(_ROWS))  # type: ignore[arg-type]
    # Room among the rows that are read first, so that others move there.
    database.execute("DELETE FROM many WHERE id <= 20000 AND id % 3 = 0")
    database.execute("VACUUM many")
    first, _, place = read(2)
    # The cursor does not tell of these: they are found all the same.
    database.execute("UPDATE many SET word = 'changed' WHERE id % 7 = 0")
    database.execute("UPDATE many SET word = repeat('moved', 60) WHERE id > 50000 AND id % 5 = 0")
    database.execute("INSERT INTO many SELECT i, 'new', i FROM generate_series(70001, 72000) i")
    moved = database.execute("SELECT count(*) FROM many WHERE id > 50000 AND ctid < '(256,0)'").fetchone()
    assert moved is not None
    assert moved[0] > 0
    second, changed, place = read(1, place)
    database.execute("UPDATE many SET word = 'again' WHERE id % 11 = 0")
    rest, later, _ = read(None, place)
    assert {row[0] for row in changed} <= {row[0] for row in later}
    found = _keyed(first + second + rest, later)
    assert found == _there(database)


def test_a_transaction_that_was_under_way_is_not_passed_over(
    database: psycopg.Connection[Any], read: Read, postgres_url: str
) -> None:
    database.execute(_MAKE)
    database.execute(_FILL.format(_ROWS))  # type: ignore[arg-type]
    with psycopg.connect(postgres_url) as slow:
        slow.execute("UPDATE many SET word = 'slow' WHERE id = 1")
        with slow.transaction():  # a number of its own
            slow.execute("UPDATE many SET word = 'slower' WHERE id = 2")
        database.execute("UPDATE many SET word = 'quick' WHERE id = 3")
        first, _, place = read(1)
        slow.commit()
    rest, changed, _ = read(None, place)
    assert {1, 2} <= {row[0] for row in changed}
    assert _keyed(first + rest, changed) == _there(database)


def test_parts_of_a_table_are_read_side_by_side(database: psycopg.Connection[Any], read: Read) -> None:
    database.execute("CREATE TABLE many (id bigint PRIMARY KEY, word text, seen bigint) PARTITION BY RANGE (id)")
    for start in (0, 30_000):
        span = f"FOR VALUES FROM ({start}) TO ({start + 30_000})"
        database.execute(f"CREATE TABLE many_{start} PARTITION OF many {span}")  # type: ignore[arg-type]
    database.execute(_FILL.format(_ROWS - 1))  # type: ignore[arg-type]
    first, _, place = read(1)
    database.execute("DELETE FROM many WHERE id IN (5, 10000)")
    database.execute("UPDATE many SET id = CASE id WHEN 40000 THEN 5 ELSE 10000 END WHERE id IN (40000, 59999)")
    rest, changed, _ = read(None, place)
    found = _keyed(first + rest, changed)
    there = _there(database)
    assert {key: found[key] for key in there} == there


@pytest.mark.parametrize("how", ["VACUUM FULL many", "CLUSTER many USING many_pkey", "TRUNCATE many"])
def test_a_table_that_was_written_anew_is_read_anew(database: psycopg.Connection[Any], read: Read, how: str) -> None:
    database.execute(_MAKE)
    database.execute(_FILL.format(_ROWS))  # type: ignore[arg-type]
    _, _, place = read(1)
    database.execute(how)  # type: ignore[arg-type]
    with pytest.raises(Moved, match="written anew"):
        read(None, place)


def test_what_cannot_be_gone_on_with_gives_no_place(database: psycopg.Connection[Any], read: Read) -> None:
    database.execute(_MAKE)
    database.execute(_FILL.format(_ROWS))  # type: ignore[arg-type]
    database.execute("CREATE VIEW seen AS SELECT * FROM many")
    database.execute("CREATE TABLE keyless AS SELECT * FROM many")
    for table in ("seen", "keyless"):
        rows, changed, place = read(None, None, table)
        assert (len(rows), changed, place) == (_ROWS, [], None)
        with pytest.raises(Moved):
            read(None, {"identity": "", "horizon": 0, "block": 1}, table)
