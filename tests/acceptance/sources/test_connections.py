"""Connections under what real networks and night shifts do: cut, restarted, ended by hand, let in no more."""

from pathlib import Path

import pytest

from tests.acceptance.sources.conftest import Client, Remote, by_cursor, run, until, whole
from tests.support import postgres_process
from tests.support.cutting import way_to
from tests.support.processes import Server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_WRONG = "The user or the password is wrong."
_OFF = "not synced any more"


def _fill(remote: Remote, rows: int) -> None:
    """A table that comes in some megabytes."""
    made = "CREATE TABLE things (id bigint PRIMARY KEY, word varchar(200))"
    series = f"generate_series(1, {rows}) id" if remote.source_type == "Postgres" else f"seq_1_to_{rows}"
    number = "id" if remote.source_type == "Postgres" else "seq"
    remote.do(made, f"INSERT INTO things SELECT {number}, repeat('{'x' * 10}', 15) FROM {series}")


def _readers(remote: Remote) -> list[int]:
    """The connections that wait for the table `things`, which the test has locked."""
    if remote.source_type == "Postgres":
        sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'hedgerow' AND wait_event_type = 'Lock'"
    else:
        sql = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND STATE LIKE 'Waiting for table%'"
    return [row[0] for row in remote.do(sql)]


def test_a_connection_that_is_cut_is_made_again(client: Client, remote: Remote) -> None:
    _fill(remote, 20_000)
    with way_to(int(remote.config["port"])) as way:
        config = {**remote.config, "host": "127.0.0.1", "port": way.port}
        source = client.add(remote.source_type, config, by_cursor("things", "id"))
        assert client.settled(source)["status"] == "Completed"
        before = client.rows(source, "things", "count(), sum(id)", "1")
        way.cuts, way.after = 2, 1_000_000
        client.act(source, "things", "resync")
        client.complains(source, "things", "The connection to the server was lost")
        assert client.rows(source, "things", "count(), sum(id)", "1") == before
        found = client.settled(source)
        assert (found["status"], found["latest_error"], way.made) == ("Completed", None, 2)
        assert client.rows(source, "things", "count(), sum(id)", "1") == before == [[20_000, 200_010_000]]


@pytest.mark.parametrize("end", ["query", "connection"])
def test_what_an_operator_ends_is_told_and_tried_again(client: Client, remote: Remote, end: str) -> None:
    _fill(remote, 10)
    source = client.add(remote.source_type, remote.config, whole("things"))
    assert client.settled(source)["status"] == "Completed"
    holder = remote.connect()
    if remote.source_type == "Postgres":
        run(holder, "BEGIN", "LOCK TABLE things IN ACCESS EXCLUSIVE MODE")
    else:
        run(holder, "LOCK TABLES things WRITE")
    client.act(source, "things")
    (reader,) = until(lambda: _readers(remote))
    if remote.source_type == "Postgres":
        remote.do(f"SELECT {'pg_cancel_backend' if end == 'query' else 'pg_terminate_backend'}({reader})")
    else:
        remote.do(f"KILL {'QUERY' if end == 'query' else 'CONNECTION'} {reader}")
    words = "The server broke the query off: " if end == "query" else "The connection to the server was lost"
    client.complains(source, "things", words)
    holder.close()
    found = client.settled(source)
    assert (found["status"], found["latest_error"]) == ("Completed", None)


def test_limits_of_the_user_s_own_do_not_end_a_sync(client: Client, pg: Remote) -> None:
    pg.do(
        "CREATE VIEW slow AS SELECT n AS id, pg_sleep(0.02)::text AS slept FROM generate_series(1, 20) n",
        "DROP ROLE IF EXISTS hasty",
        "CREATE ROLE hasty LOGIN PASSWORD 'hasty'",
        "GRANT SELECT ON slow TO hasty",
        "ALTER ROLE hasty SET statement_timeout = 100",
    )
    source = client.add("Postgres", {**pg.config, "user": "hasty", "password": "hasty"}, whole("slow"))
    found = client.settled(source)
    pg.do("DROP OWNED BY hasty", "DROP ROLE hasty")
    assert (found["status"], found["latest_error"]) == ("Completed", None)


def test_a_server_that_is_restarted_is_waited_for(client: Client, pg: Remote) -> None:
    pg.do("CREATE VIEW slow AS SELECT n AS id, pg_sleep(0.02)::text AS slept FROM generate_series(1, 100) n")
    source = client.add("Postgres", pg.config, whole("slow"))
    reading = "SELECT pid FROM pg_stat_activity WHERE application_name = 'hedgerow' AND query LIKE 'COPY%'"
    until(lambda: pg.do(reading))
    _restart(pg)
    client.complains(source, "slow", "The ")
    found = client.settled(source)
    assert (found["status"], found["latest_error"]) == ("Completed", None)
    assert client.rows(source, "slow", "count(), sum(id)", "1") == [[100, 5050]]


def _restart(pg: Remote) -> None:
    folder = postgres_process.binaries()
    assert folder is not None
    data = Path(pg.do("SHOW data_directory")[0][0])
    postgres_process.restart(folder, data)
    pg.again()


def test_a_password_that_was_changed_is_told_and_mended(client: Client, server: Server, remote: Remote) -> None:
    _fill(remote, 10)
    remote.do("CREATE TABLE other (id bigint PRIMARY KEY)", "INSERT INTO other VALUES (1)")
    old, new = "first-of-many-letters", "second-of-many-letters"
    user = f"reader_{remote.config['database']}"
    if remote.source_type == "Postgres":
        make, change = f"CREATE ROLE {user} LOGIN PASSWORD '{old}'", f"ALTER ROLE {user} PASSWORD '{new}'"
        remote.do(make, f"GRANT SELECT ON things, other TO {user}")
    else:
        make, change = f"CREATE USER {user} IDENTIFIED BY '{old}'", f"SET PASSWORD FOR {user} = PASSWORD('{new}')"
        remote.do(make, f"GRANT SELECT ON * TO {user}")
    try:
        login = {**remote.config, "user": user, "password": old}
        source = client.add(remote.source_type, login, by_cursor("things", "id"), whole("other"))
        assert client.settled(source)["status"] == "Completed"
        remote.do(change)
        client.call("POST", f"external_data_sources/{source}/reload")
        found = client.settled(source)
        # What its user has to mend is not tried again: nobody locks an account by a schedule.
        for table in ("things", "other"):
            schema = client.schema(source, table)
            assert (schema["status"], schema["should_sync"]) == ("Failed", False)
            assert schema["latest_error"].startswith(_WRONG)
            assert _OFF in schema["latest_error"]
        assert found["status"] == "Failed"
        assert found["latest_error"].startswith(_WRONG)
        assert client.rows(source, "things", "count()", "1") == [[10]]
        # A password that is let in puts everything right that the old one broke.
        client.call("PATCH", f"external_data_sources/{source}", {"job_inputs": {"password": new}})
        found = client.settled(source)
        assert (found["status"], found["latest_error"]) == ("Completed", None)
        assert [client.schema(source, table)["should_sync"] for table in ("things", "other")] == [True, True]
        assert not [word for word in (old, new) if word in server.log]
    finally:
        remote.do(*([f"DROP OWNED BY {user}"] if remote.source_type == "Postgres" else []), f"DROP USER {user}")


def test_a_permission_that_is_taken_away_is_told(client: Client, pg: Remote) -> None:
    _fill(pg, 10)
    user = f"reader_{pg.config['database']}"
    pg.do("CREATE TABLE other (id bigint PRIMARY KEY)", f"CREATE ROLE {user} LOGIN PASSWORD 'p'")
    pg.do(f"GRANT SELECT ON things, other TO {user}")
    source = client.add("Postgres", {**pg.config, "user": user, "password": "p"}, whole("things"), whole("other"))
    assert client.settled(source)["status"] == "Completed"
    pg.do(f"REVOKE SELECT ON things FROM {user}")
    client.call("POST", f"external_data_sources/{source}/reload")
    found = client.settled(source)
    pg.do(f"DROP OWNED BY {user}", f"DROP ROLE {user}")
    assert found["status"] == "Completed"  # of what is synced still
    assert found["latest_error"].startswith("The source has no table things any more, or its user may not read it.")
    assert client.schema(source, "things")["should_sync"] is False
    assert client.rows(source, "things", "count()", "1") == [[10]]
