"""First loads that are broken off go on where they were: what was read is kept, and all that is served is right."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.sources.breaking_off import ANEW, GONE_ON, OFTEN, kept, killed
from tests.acceptance.sources.conftest import Client, Remote, Row, by_cursor, mariadb, whole
from tests.connectors.apis.stripe_server import KEY, StripeServer
from tests.support.cutting import way_to
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_ROWS = 120_000
_MAKE = (
    "CREATE TABLE things (id bigint PRIMARY KEY, word text, size numeric(20, 4), seen bigint, at timestamptz) "
    "WITH (fillfactor = 90)"
)
_FILL = (
    "INSERT INTO things SELECT i, repeat(md5(i::text), 8), i * 1.25, i, to_timestamp(i) FROM generate_series({}, {}) i"
)


def _filled(pg: Remote) -> None:
    pg.do(_MAKE, _FILL.format(1, _ROWS))


def _ours(client: Client, source: str) -> list[Any]:
    """Every row as one text, in parts that an answer can hold."""
    table = client.schema(source, "things")["hogql_name"]
    row = (
        "concat(toString(id), '|', word, '|', toString(size), '|', toString(seen), '|', toString(toUnixTimestamp(at)))"
    )
    sql = (
        f"select intDiv(id, 1000), count(), hex(MD5(arrayStringConcat(arraySort(groupArray({row})), ','))) from {table}"
    )
    return [
        [part, count, digest.lower()] for part, count, digest in client.ask(f"{sql} group by 1 order by 1 limit 5000")
    ]


def _theirs(pg: Remote) -> list[Any]:
    row = "concat(id, '|', word, '|', trim_scale(size), '|', seen, '|', extract(epoch FROM at)::bigint)"
    sql = f"SELECT id / 1000, count(*), md5(string_agg({row}, ',' ORDER BY {row} COLLATE \"C\")) FROM things"
    return [list(found) for found in pg.do(f"{sql} GROUP BY 1 ORDER BY 1")]


def _tables(home: Path) -> list[str]:
    """The states of all physical tables."""
    with closing(sqlite3.connect(home / "metadata.sqlite")) as store:
        return sorted(row[0] for row in store.execute("SELECT state FROM built_tables"))


def _wish(kind: str) -> Row:
    return whole("things") if kind == "full_refresh" else by_cursor("things", "seen", kind)


def _completed(client: Client, source: str) -> None:
    found = client.settled(source)
    assert (found["status"], found["latest_error"]) == ("Completed", None)


@pytest.mark.parametrize("kind", ["incremental", "append", "full_refresh"])
def test_a_load_goes_on_after_kills_while_its_rows_are_written(pg: Remote, tmp_path: Path, kind: str) -> None:
    _filled(pg)
    home, chance = tmp_path / "home", random.Random()
    source = ""
    for number in range(3):
        with start_server(home, OFTEN) as server, Client.of(server) as client:
            source = source or client.add(pg.source_type, pg.config, _wish(kind))
            killed(server, home, places=1 + number)
        pg.do(
            f"UPDATE things SET word = 'round {number}', seen = {(number + 1) * 1_000_000} + id "
            f"WHERE id % 97 = {chance.randrange(97)}",
            _FILL.format(_ROWS + number * 100 + 1, _ROWS + number * 100 + 100),
            f"UPDATE things SET seen = {(number + 1) * 1_000_000} + id WHERE id > {_ROWS + number * 100}",
        )
        if kind == "full_refresh":
            pg.do(f"DELETE FROM things WHERE id % 101 = {chance.randrange(101)}")
    with start_server(home, OFTEN) as server, Client.of(server) as client:
        _completed(client, source)
        assert GONE_ON in server.log
        assert ANEW not in server.log
        assert _ours(client, source) == _theirs(pg)
        assert kept(home) == []
        assert set(_tables(home)) <= {"live", "retired"}
        pg.do(_FILL.format(300_001, 300_010), "UPDATE things SET seen = 9000000 + id WHERE id > 300000")
        client.act(source, "things")
        _completed(client, source)
        assert _ours(client, source) == _theirs(pg)


def test_only_the_rest_is_read_again(pg: Remote, tmp_path: Path) -> None:
    _filled(pg)
    (size,) = pg.do("SELECT pg_table_size('things')")[0]
    with (
        way_to(int(pg.config["port"])) as way,
        start_server(tmp_path / "home", OFTEN) as server,
        Client.of(server) as client,
    ):
        way.cuts, way.after = 1, size * 6 // 10
        config = {**pg.config, "host": "127.0.0.1", "port": way.port}
        source = client.add(pg.source_type, config, by_cursor("things", "seen"))
        _completed(client, source)
        assert way.made == 1
        assert way.passed < size * 1.4  # anew, it would be 1.6 and more
        (run,) = client.runs(source, "things")
        assert run["rows_synced"] == _ROWS
        assert _ours(client, source) == _theirs(pg)


@pytest.mark.parametrize("what", ["config", "column", "type", "resync", "table"])
def test_what_was_changed_meanwhile_is_read_anew(pg: Remote, tmp_path: Path, what: str) -> None:
    _filled(pg)
    home = tmp_path / "home"
    with start_server(home, OFTEN) as server, Client.of(server) as client:
        source = client.add(pg.source_type, pg.config, by_cursor("things", "seen"))
        schema = client.schema(source, "things")["id"]
        killed(server, home)
    if what == "column":
        pg.do("ALTER TABLE things ADD COLUMN more bigint")
    if what == "table":
        pg.do("VACUUM FULL things")
    paused = {**OFTEN, "HEDGEROW_WORKERS": "0"}
    with start_server(home, paused) as server, Client.of(server) as client:
        assert len(kept(home)) == 1
        if what == "config":
            client.call("PATCH", f"external_data_sources/{source}", {"job_inputs": {"password": pg.config["password"]}})
        elif what == "type":
            client.call("PATCH", f"external_data_schemas/{schema}", {"sync_type": "full_refresh"})
        elif what == "resync":
            client.act(source, "things", "resync")
    with start_server(home, OFTEN) as server, Client.of(server) as client:
        _completed(client, source)
        assert GONE_ON not in server.log or what == "table"
        assert (ANEW in server.log) == (what not in {"type", "resync"})
        assert _ours(client, source) == _theirs(pg)
        assert kept(home) == []
        assert set(_tables(home)) <= {"live", "retired"}


def test_what_nobody_goes_on_with_is_swept(pg: Remote, tmp_path: Path) -> None:
    _filled(pg)
    home = tmp_path / "home"
    with start_server(home, OFTEN) as server, Client.of(server) as client:
        source = client.add(pg.source_type, pg.config, by_cursor("things", "seen"))
        killed(server, home)
    with start_server(home, {**OFTEN, "HEDGEROW_WORKERS": "0"}) as server, Client.of(server) as client:
        assert "kept" in _tables(home)
        client.call("DELETE", f"external_data_sources/{source}")
        assert kept(home) == []
        assert "kept" not in _tables(home)


def test_a_list_of_an_api_goes_on_behind_the_page_that_was_written_down(tmp_path: Path) -> None:
    stripe = StripeServer("2024-09-30.acacia")
    many = 5_000
    stripe.objects["charges"] = [
        {"id": f"ch_{n:05}", "object": "charge", "created": 1_767_225_600 + n, "amount": n} for n in range(many)
    ]
    home, module = tmp_path / "home", ("tests.support.stripe_process",)
    with stripe.running():
        settings = {**OFTEN, "HEDGEROW_TEST_STRIPE_URL": stripe.url}
        wish = {**by_cursor("Charge", "created", "append"), "incremental_field_type": "integer"}
        with start_server(home, settings, module) as server, Client.of(server) as client:
            source = client.add("Stripe", {"client_secret": KEY}, wish)
            killed(server, home, places=3)
        stripe.requests.clear()
        with start_server(home, settings, module) as server, Client.of(server) as client:
            _completed(client, source)
            assert GONE_ON in server.log
            read = [asked for asked in stripe.requests if asked.path.endswith("/charges")]
            assert len(read) < many // 100
            assert all("starting_after" in asked.params for asked in read)
            table = client.schema(source, "Charge")["hogql_name"]
            found = client.ask(f"select count(), uniqExact(id), sum(amount), max(created) from {table}")
            assert found == [[many, many, sum(range(many)), 1_767_225_600 + many - 1]]


@pytest.mark.parametrize("kind", ["incremental", "append"])
def test_a_load_of_mysql_goes_on_after_kills(mariadb_server: str, tmp_path: Path, kind: str) -> None:
    home, source = tmp_path / "home", ""
    with mariadb(mariadb_server) as remote:
        fill = "INSERT INTO things SELECT seq, REPEAT(MD5(seq), 8), {} + seq FROM seq_{}_to_{}"
        remote.do("CREATE TABLE things (id bigint PRIMARY KEY, word text, seen bigint)", fill.format(0, 1, 600_000))
        for number in (1, 2):
            with start_server(home, OFTEN) as server, Client.of(server) as client:
                source = source or client.add(remote.source_type, remote.config, by_cursor("things", "seen", kind))
                killed(server, home, places=number)
            start = number * 10_000_000
            remote.do(
                f"UPDATE things SET word = 'round {number}', seen = {start} + id WHERE id % 97 = {number}",
                fill.format(start, 600_000 + number * 100, 600_099 + number * 100),
            )
        with start_server(home, OFTEN) as server, Client.of(server) as client:
            _completed(client, source)
            assert GONE_ON in server.log
            assert ANEW not in server.log
            table = client.schema(source, "things")["hogql_name"]
            parts = "count(*), sum(id), sum(length(word)), sum(seen)"
            ours = client.ask(
                f"select intDiv(id, 1000), {parts}, max(word) from {table} group by 1 order by 1 limit 5000"
            )
            theirs = remote.do(f"SELECT id DIV 1000, {parts}, MAX(word) FROM things GROUP BY 1 ORDER BY 1")
            assert ours == [[int(v) if not isinstance(v, str) else v for v in row] for row in theirs]
            assert kept(home) == []
