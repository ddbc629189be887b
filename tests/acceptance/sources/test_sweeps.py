"""Deleted rows of incremental tables are found by a sweep over all keys, and rows that no cursor shows are counted."""

import pytest

from tests.acceptance.sources.conftest import Client, Remote, by_cursor, run

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]


def _again(client: Client, source: str) -> tuple[int, int, int]:
    """Sync once more: rows that came, rows that were found deleted, rows without a cursor."""
    client.act(source, "things")
    assert client.settled(source)["latest_error"] is None
    last = client.runs(source, "things")[0]
    return last["rows_synced"], last["rows_deleted"], last["null_cursors"]


def test_deleted_rows_are_found_by_their_keys(client: Client, remote: Remote) -> None:
    remote.do("CREATE TABLE things (a bigint, b varchar(20), seen bigint, PRIMARY KEY (a, b))")
    remote.do(*(f"INSERT INTO things VALUES ({n}, 'k{n % 3}', {n})" for n in range(1, 31)))
    remote.do("INSERT INTO things VALUES (100, '', NULL)")
    source = client.add(remote.source_type, remote.config, {**by_cursor("things", "seen"), "key_sweep": "always"})
    assert client.settled(source)["latest_error"] is None
    assert client.runs(source, "things")[0]["null_cursors"] == 1
    assert client.schema(source, "things")["last_swept_at"]
    table = client.schema(source, "things")["table"]["id"]

    assert _again(client, source) == (0, 0, 1)
    assert client.schema(source, "things")["table"]["id"] == table

    remote.do("DELETE FROM things WHERE a IN (3, 4) OR a > 28", "INSERT INTO things VALUES (3, 'other', 31)")
    remote.do("UPDATE things SET seen = 40 WHERE a = 5", "INSERT INTO things VALUES (101, 'late', NULL)")
    assert _again(client, source) == (2, 5, 1)
    theirs = [list(row) for row in remote.do("SELECT a, b, seen FROM things WHERE a <> 101 ORDER BY a, b")]
    assert client.rows(source, "things", "a, b, seen", "a, b") == theirs

    remote.do("DELETE FROM things")
    assert _again(client, source) == (0, 27, 0)
    assert client.rows(source, "things", "count()", "1") == [[0]]


def test_a_sweep_is_made_as_often_as_is_asked(client: Client, remote: Remote) -> None:
    remote.do("CREATE TABLE things (id bigint PRIMARY KEY)", "INSERT INTO things VALUES (1), (2), (3)")
    source = client.add(remote.source_type, remote.config, by_cursor("things", "id"))
    client.settled(source)
    schema = client.schema(source, "things")
    assert schema["key_sweep"] == "never"
    remote.do("DELETE FROM things WHERE id = 2", "INSERT INTO things VALUES (4)")
    assert _again(client, source) == (1, 0, 0)
    for how_often, found in (("24hour", 0), ("always", 1), ("1hour", 0)):
        client.call("PATCH", f"external_data_schemas/{schema['id']}", {"key_sweep": how_often})
        assert _again(client, source)[1] == found, how_often
    assert client.rows(source, "things", "id") == [[1], [3], [4]]


def test_a_sweep_that_is_broken_off_deletes_nothing(client: Client, pg: Remote) -> None:
    pg.do("CREATE TABLE written (id bigint PRIMARY KEY)", "INSERT INTO written SELECT generate_series(1, 50)")
    # As long as there is a mark, a look at all keys fails half-way, and a look at new rows does not.
    pg.do("CREATE TABLE mark (on_key bigint)")
    broken = "1 / (CASE WHEN id IN (SELECT on_key FROM mark) THEN 0 ELSE 1 END)"
    pg.do(f"CREATE VIEW things AS SELECT id * {broken} AS id, id AS seen FROM written")
    wish = {**by_cursor("things", "seen"), "primary_key_columns": ["id"], "key_sweep": "always"}
    source = client.add("Postgres", pg.config, wish)
    assert client.settled(source)["latest_error"] is None
    with pg.connect() as other:
        run(other, "DELETE FROM written WHERE id <= 10", "INSERT INTO mark VALUES (30)")
    client.act(source, "things")
    schema = next(each for each in client.settled(source)["schemas"] if each["name"] == "things")
    assert (schema["status"], "division by zero" in schema["latest_error"]) == ("Failed", True)
    assert client.rows(source, "things", "count()", "1") == [[50]]
    pg.do("DELETE FROM mark")
    client.call("PATCH", f"external_data_schemas/{schema['id']}", {"should_sync": True})
    assert client.settled(source)["latest_error"] is None
    assert client.rows(source, "things", "count()", "1") == [[40]]
