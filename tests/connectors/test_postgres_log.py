"""PostgreSQL's log through the connector: each value as a read of the table gives it, and places made with care."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.changes import Change, Commit, LogLost, LogPlace, Moment
from hedgerow.connectors.postgres import PostgresConnector
from tests.connectors.postgres_tables import MAKE, ROWS, config_of

PLACE = LogPlace("hedgerow_test", "hedgerow test", True)


@pytest.fixture
def database(logged_url: str, connector: PostgresConnector) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        yield connection
    connector.changes.close_place(config_of(logged_url), PLACE)


def _changes(connector: PostgresConnector, config: Any, start: int, most: int) -> list[Change]:
    """The first changes of the log, and the commit after them."""
    found: list[Change] = []
    with connector.changes.read_log(config, PLACE, start) as log:
        for event in log.events():
            if isinstance(event, Change):
                found.append(event)
            if isinstance(event, Commit) and len(found) >= most:
                break
    return found


def test_a_change_has_the_values_that_a_read_has(
    connector: PostgresConnector, database: psycopg.Connection[Any], logged_url: str
) -> None:
    config = config_of(logged_url)
    making, _, inserting = MAKE.partition("INSERT INTO")
    database.execute(making)
    start = connector.changes.open_place(config, PLACE)
    connector.changes.include(config, PLACE, "kinds")
    database.execute(f"INSERT INTO {inserting}")
    found = _changes(connector, config, start, ROWS.num_rows)
    names = ROWS.schema.names
    arrays = found[0].table.arrays(names, [change.new for change in found])  # type: ignore[misc]
    came = pa.Table.from_arrays(arrays, schema=ROWS.schema)
    for name in names:
        assert repr(came.column(name).to_pylist()) == repr(ROWS.column(name).to_pylist()), name
    read = pa.Table.from_batches(list(connector.read(config, Ask("kinds", cursor="id"))))
    assert [repr(column.to_pylist()) for column in came.columns] == [repr(c.to_pylist()) for c in read.columns]


def test_what_is_missing_is_told(
    connector: PostgresConnector, database: psycopg.Connection[Any], logged_url: str
) -> None:
    database.execute(
        "CREATE TABLE bare (a int); CREATE VIEW seen AS SELECT 1 AS one; CREATE ROLE poor LOGIN; "
        "CREATE TABLE keyed (id int PRIMARY KEY); GRANT SELECT ON bare, keyed TO poor"
    )
    config = config_of(logged_url)
    assert connector.changes.faults(config, PLACE, ["keyed"]) == []
    told = connector.changes.faults(config, PLACE, ["bare", "seen"])
    assert "bare has no primary key" in told[0]
    assert "seen is no table" in told[1]
    told = connector.changes.faults({**config, "user": "poor"}, PLACE, ["keyed"])
    assert ["may not replicate" in told[0], "create a publication" in told[1], "does not own" in told[2]] == [True] * 3
    theirs = connector.changes.faults(config, LogPlace("no_slot", "no_publication", False), [])
    assert 'no publication "no_publication"' in theirs[0]
    assert 'no replication slot "no_slot"' in theirs[1]
    connector.changes.open_place(config, PLACE)
    with pytest.raises(Refused, match="primary key"):
        connector.changes.include(config, PLACE, "bare")
    database.execute("INSERT INTO bare VALUES (1); DELETE FROM bare; DROP OWNED BY poor; DROP ROLE poor")


def test_a_lost_slot_is_said_to_be_lost(
    connector: PostgresConnector, database: psycopg.Connection[Any], logged_url: str
) -> None:
    config = config_of(logged_url)
    start = connector.changes.open_place(config, PLACE)
    state = connector.changes.state(config, PLACE)
    assert (state.slot_exists, state.publication_exists, state.usable) == (True, True, True)
    connector.changes.close_place(config, PLACE)
    connector.changes.close_place(config, PLACE)
    assert not connector.changes.state(config, PLACE).slot_exists
    with pytest.raises(LogLost), connector.changes.read_log(config, PLACE, start):
        pass


def test_a_moment_knows_what_it_has_seen() -> None:
    moment = Moment(1000, "740:750:742,745")
    seen = {xid: moment.covers(999, xid) for xid in (739, 740, 742, 745, 749, 750)}
    assert seen == {739: True, 740: True, 742: False, 745: False, 749: True, 750: False}
    assert not moment.covers(1000, 739)
    later = Moment(1000, f"{2**32 + 5}:{2**32 + 9}:{2**32 + 7}")
    assert [later.covers(1, xid) for xid in (2**32 - 3, 5, 7, 8, 9)] == [True, True, False, True, False]
