"""SQLite files keep the rules of all connectors; their loose types are read as they are."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, SourceError
from hedgerow.connectors.sqlite import SqliteConnector
from tests.conformance.connectors import Case, ConnectorConformance

_ROWS = {
    "id": [1, 2, 3, 2**63 - 1],
    "name": ["plain", "🦔 'quoted\"\n", "", None],
    "price": [1.5, -0.5, None, 1e300],
    "paid": [True, False, None, True],
    "picture": [b"\x00\xff", b"", None, b"x"],
    "anything": ["1", "2.5", "text", "ff"],
    "updated": ["2026-01-01 00:00:00", "2026-01-02", None, "2026-01-03T01:02:03Z"],
    "empty": [None, None, None, None],
}
_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("price", pa.float64()),
        ("paid", pa.bool_()),
        ("picture", pa.binary()),
        ("anything", pa.string()),
        ("updated", pa.string()),
        ("empty", pa.float64()),
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    (path / "shops").mkdir(parents=True)
    with closing(sqlite3.connect(path / "shops" / "one.sqlite")) as connection:
        connection.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, price REAL, paid BOOLEAN, "
            "picture BLOB, anything, updated DATETIME, empty DECIMAL(10, 2))"
        )
        rows = [list(row) for row in zip(*_ROWS.values(), strict=True)]
        for row, value in zip(rows, (1, 2.5, "text", b"\xff"), strict=True):
            row[5] = value
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute('CREATE TABLE "a ""strange"" name" ("two words" INTEGER)')
        connection.execute("CREATE VIEW dear AS SELECT id, price FROM orders WHERE price > 1")
        connection.commit()
    (path / "not.sqlite").write_text("this is no database, " * 100)
    (tmp_path / "outside.sqlite").write_bytes((path / "shops" / "one.sqlite").read_bytes())
    (path / "link.sqlite").symlink_to(tmp_path / "outside.sqlite")
    return path


@pytest.fixture
def connector(folder: Path) -> SqliteConnector:
    return SqliteConnector(folder)


class TestSqlite(ConnectorConformance):
    @pytest.fixture
    def case(self, folder: Path, connector: SqliteConnector) -> Case:
        def opened() -> int:
            links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
            return sum(str(folder) in os.readlink(link) for link in links if link.is_symlink())

        return Case(
            connector=connector,
            config={"path": "shops/one.sqlite"},
            table="orders",
            rows=pa.table(_ROWS, schema=_SCHEMA),
            primary_key=("id",),
            cursor="id",
            open=opened,
            refused={
                "a missing file": ({"path": "none.sqlite"}, "no such file"),
                "another kind of file": ({"path": "not.sqlite"}, "not a SQLite database"),
                "a path that leads outside": ({"path": "../outside.sqlite"}, "inside"),
                "a link that leads outside": ({"path": "link.sqlite"}, "inside"),
            },
        )


def test_strange_names_and_views_are_tables_too(connector: SqliteConnector) -> None:
    config = {"path": "shops/one.sqlite"}
    tables = {table.name: table for table in connector.discover(config)}
    assert list(tables) == ['a "strange" name', "dear", "orders"]
    assert tables['a "strange" name'].columns[0].name == "two words"
    assert tables["orders"].row_estimate == 4
    assert list(connector.read(config, Ask('a "strange" name'))) == []
    assert pa.Table.from_batches(list(connector.read(config, Ask("dear")))).to_pydict() == {
        "id": [1, 2**63 - 1],
        "price": [1.5, 1e300],
    }


def test_what_can_be_synced_how(connector: SqliteConnector) -> None:
    tables = {table.name: table for table in connector.discover({"path": "shops/one.sqlite"})}
    assert tables["orders"].sync_types == ("full_refresh", "incremental", "append")
    assert [(c.field, c.type) for c in tables["orders"].cursors] == [("id", "integer"), ("updated", "datetime")]
    assert tables["dear"].sync_types == ("full_refresh", "incremental", "append")
    assert tables["dear"].primary_key == ()


def test_large_integers_beside_fractions_keep_every_digit(folder: Path, connector: SqliteConnector) -> None:
    with closing(sqlite3.connect(folder / "two.sqlite")) as connection:
        connection.execute("CREATE TABLE t (v)")
        connection.executemany("INSERT INTO t VALUES (?)", [(0.5,), (2**53 + 1,), (-(2**63),)])
        connection.commit()
    read = pa.Table.from_batches(list(connector.read({"path": "two.sqlite"}, Ask("t"))))
    assert read.to_pydict() == {"v": ["0.5", str(2**53 + 1), str(-(2**63))]}


def test_batches_follow_the_size_of_rows(folder: Path, connector: SqliteConnector) -> None:
    with closing(sqlite3.connect(folder / "wide.sqlite")) as connection:
        connection.execute("CREATE TABLE t (v)")
        connection.executemany("INSERT INTO t VALUES (?)", (("x" * 1000,) for _ in range(5000)))
        connection.commit()
    batches = list(connector.read({"path": "wide.sqlite"}, Ask("t", batch_bytes=100_000)))
    assert sum(batch.num_rows for batch in batches) == 5000
    assert all(batch.nbytes < 130_000 for batch in batches[1:])


def test_a_column_that_is_not_there_is_named(connector: SqliteConnector) -> None:
    with pytest.raises(SourceError, match="no column nothing"):
        next(connector.read({"path": "shops/one.sqlite"}, Ask("orders", columns=("nothing",))))


def test_a_damaged_file_says_so(folder: Path, connector: SqliteConnector) -> None:
    whole = (folder / "shops" / "one.sqlite").read_bytes()
    (folder / "damaged.sqlite").write_bytes(whole[:4096] + b"\x55" * (len(whole) - 4096))
    with pytest.raises(Refused, match="damaged"):
        connector.discover({"path": "damaged.sqlite"})
