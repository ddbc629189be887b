"""Tables of no row, of one, of two thousand columns, and of a value of a hundred megabytes."""

import re
from pathlib import Path

import pytest

from tests.acceptance.sources.conftest import Client, Remote, by_cursor, whole
from tests.support.processes import Server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_LONG = 100 << 20
_MOST_MEMORY = 1200 << 20


@pytest.mark.parametrize("rows", [0, 1])
def test_tables_of_hardly_any_row(client: Client, remote: Remote, rows: int) -> None:
    for table in ("a", "b", "c"):
        remote.do(f"CREATE TABLE {table} (id bigint PRIMARY KEY, v varchar(20))")
        remote.do(*([f"INSERT INTO {table} VALUES (7, 'x')"] * rows))
    wishes = [whole("a"), by_cursor("b", "id"), by_cursor("c", "id", "append")]
    source = client.add(remote.source_type, remote.config, *wishes)
    expected = [[7, "x"]] * rows
    for number in (8, 9, 10):
        found = client.settled(source)
        assert (found["status"], found["latest_error"]) == ("Completed", None)
        assert [client.rows(source, table, "id, v") for table in "abc"] == [expected] * 3
        remote.do(*(f"INSERT INTO {table} VALUES ({number}, 'y')" for table in "abc"))
        expected = [*expected, [number, "y"]]
        client.call("POST", f"external_data_sources/{source}/reload")
    client.settled(source)


def test_tables_of_very_many_columns(client: Client, remote: Remote) -> None:
    # What the databases allow: 1,600, and of those of MariaDB that keep no rows apart 4,096.
    count, engine = (1600, "") if remote.source_type == "Postgres" else (2000, "ENGINE = MyISAM")
    names = [f"c{n}" for n in range(1, count)]
    remote.do(f"CREATE TABLE wide (id bigint PRIMARY KEY, {', '.join(f'{name} smallint' for name in names)}) {engine}")
    for row in (1, 2):
        remote.do(f"INSERT INTO wide VALUES ({row}, {', '.join(str(row * n % 1000) for n in range(1, count))})")
    source = client.add(remote.source_type, remote.config, by_cursor("wide", "id"))
    found = client.settled(source)
    assert (found["status"], found["latest_error"]) == ("Completed", None)
    expected = [[row, *(row * n % 1000 for n in range(1, count))] for row in (1, 2)]
    assert client.rows(source, "wide", "*") == expected
    remote.do("UPDATE wide SET c5 = 77, id = 3 WHERE id = 1", f"ALTER TABLE wide DROP COLUMN c{count - 1}")
    client.act(source, "wide")
    assert client.settled(source)["latest_error"] is None
    assert client.rows(source, "wide", "id, c5, c6, c1000") == [[1, 5, 6, 0], [2, 10, 12, 0], [3, 77, 6, 0]]


def _peak(server: Server) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def test_a_value_of_a_hundred_megabytes(client: Client, server: Server, remote: Remote) -> None:
    before = _peak(server)
    block = "md5(n::text)" if remote.source_type == "Postgres" else "md5(seq)"
    count = _LONG // 32
    if remote.source_type == "Postgres":
        remote.do("CREATE TABLE long (id bigint PRIMARY KEY, v text)")
        remote.do(f"INSERT INTO long SELECT 1, string_agg({block}, '' ORDER BY n) FROM generate_series(1, {count}) n")
    else:
        remote.do("SET GLOBAL max_allowed_packet = 1 << 28")
        remote.again()
        remote.do(f"SET group_concat_max_len = {_LONG}", "CREATE TABLE long_ (id bigint PRIMARY KEY, v longtext)")
        remote.do(f"INSERT INTO long_ SELECT 1, group_concat({block} ORDER BY seq SEPARATOR '') FROM seq_1_to_{count}")
    table = "long" if remote.source_type == "Postgres" else "long_"
    remote.do(f"INSERT INTO {table} VALUES (2, 'short')")
    source = client.add(remote.source_type, remote.config, by_cursor(table, "id"))
    found = client.settled(source)
    assert (found["status"], found["latest_error"]) == ("Completed", None)
    (theirs,) = remote.do(f"SELECT md5(v) FROM {table} WHERE id = 1")
    shown = client.rows(source, table, "id, length(v), lower(hex(MD5(v)))")
    assert shown == [[1, _LONG, theirs[0]], [2, 5, shown[1][2]]]
    assert _peak(server) - before < _MOST_MEMORY
