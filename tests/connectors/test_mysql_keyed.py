"""Reads of MySQL tables that are gone on with: the rest, and what the cursor tells of since."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pymysql
import pytest

from hedgerow.connectors import Ask, Moved, Onward, Place
from hedgerow.connectors.mysql import MySqlConnector
from hedgerow.kit.outgoing import OutgoingGuard
from tests.connectors.mysql_tables import config_of

_MAKE = (
    "CREATE TABLE many (id bigint unsigned PRIMARY KEY, word text, seen bigint, at datetime(6), day date) ENGINE = {}"
)
_FILL = (
    "INSERT INTO many SELECT seq, MD5(seq), {0} + seq, '2026-01-01' + INTERVAL {0} + seq SECOND, "
    "'2026-01-01' + INTERVAL {0} DIV 100000 DAY FROM seq_{1}_to_{2}"
)
Rows = list[tuple[Any, ...]]


class Remote:
    """A table of rows 1 to 1000, which comes in ten batches."""

    def __init__(self, url: str) -> None:
        self.config = config_of(url, f"t_{uuid4().hex[:12]}")
        login = {name: self.config[name] for name in ("host", "port", "user", "password")}
        self.connection = pymysql.connect(**login, autocommit=True)
        self.do(f"CREATE DATABASE {self.config['database']}", f"USE {self.config['database']}")
        self.connector = MySqlConnector(OutgoingGuard(allow_private=True))

    def do(self, *statements: str) -> Rows:
        with self.connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def read(self, places: int | None, place: Place | None, cursor: str | None) -> tuple[Rows, Rows, Place | None]:
        """Rows, changed rows, and the last place of so many."""
        found: dict[bool, Rows] = {False: [], True: []}
        last, count = None, 0
        asked = self.connector.steps(self.config, Ask("many", batch_rows=100), Onward(place, lambda: True, cursor))
        for step in asked:
            if step.batch is not None:
                found[step.changed].extend(zip(*step.batch.to_pydict().values(), strict=True))
            else:
                last, count = step.place, count + 1
                if count == places:
                    break
        asked.close()  # type: ignore[attr-defined]
        return found[False], found[True], last


@pytest.fixture
def remote(mariadb_server: str) -> Iterator[Remote]:
    made = Remote(mariadb_server)
    yield made
    made.do(f"DROP DATABASE {made.config['database']}")
    made.connection.close()


@pytest.mark.parametrize("cursor", ["seen", "at", "day"])
def test_the_rest_and_what_was_changed(remote: Remote, cursor: str) -> None:
    remote.do(_MAKE.format("InnoDB"), _FILL.format(0, 1, 1000), "UPDATE many SET seen = NULL, at = NULL WHERE id = 900")
    first, changed, place = remote.read(3, None, cursor)
    assert ([row[0] for row in first], changed) == ([*range(1, 301)], [])
    later = "word = 'later', seen = 5000000 + id, at = '2027-01-01', day = '2027-01-01'"
    remote.do(f"UPDATE many SET {later} WHERE id % 50 = 0", _FILL.format(1_000_000, 1001, 1010))
    second, changed, again = remote.read(1, place, cursor)
    beyond = {*range(50, 1001, 50), *range(1001, 1011)}
    assert beyond <= {row[0] for row in changed}
    if cursor != "day":  # of a day all rows are read again: more of them may have come
        assert beyond == {row[0] for row in changed}
        assert [row[0] for row in second] == [n for n in range(301, 1001) if n % 50][:100]
    rest, changed, _ = remote.read(None, again or place, cursor)
    plain = [row[0] for row in first + second + rest]
    assert len(plain) == len(set(plain))
    found = {row[0]: row for part in (first, second, rest, changed) for row in part}
    assert {key: row[1:3] for key, row in found.items()} == {r[0]: r[1:3] for r in remote.do("SELECT * FROM many")}


def test_what_cannot_be_gone_on_with(remote: Remote) -> None:
    remote.do(_MAKE.format("InnoDB"), _FILL.format(0, 1, 1000))
    assert remote.read(None, None, None)[2] is None  # nothing tells what was changed
    _, _, place = remote.read(1, None, "seen")
    with pytest.raises(Moved):
        remote.read(None, place, "at")
    remote.do("DROP TABLE many", _MAKE.format("MyISAM"), _FILL.format(0, 1, 1000))
    rows, _, none = remote.read(None, None, "seen")
    assert (len(rows), none) == (1000, None)
    with pytest.raises(Moved):
        remote.read(None, place, "seen")
