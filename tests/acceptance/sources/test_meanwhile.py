"""Tables that are dropped, renamed or given other types while a sync is reading them."""

from typing import Any

import pytest

from tests.acceptance.sources.conftest import Client, Remote, by_cursor, run, until, whole

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_TABLES = ("dropped", "renamed", "retyped", "counted")


def _locked(remote: Remote) -> Any:
    """A connection that holds all the tables: whoever wants to read one waits."""
    holder = remote.connect()
    if remote.source_type == "Postgres":
        run(holder, "BEGIN", f"LOCK TABLE {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE")
    else:
        run(holder, f"LOCK TABLES {', '.join(f'{table} WRITE' for table in _TABLES)}")
    return holder


def _waiting(remote: Remote) -> bool:
    if remote.source_type == "Postgres":
        sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hedgerow' AND wait_event_type = 'Lock'"
    else:
        sql = (
            "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND STATE LIKE 'Waiting for t%'"
        )
    return bool(remote.do(sql)[0][0] == len(_TABLES))


def test_tables_that_change_while_they_are_read(client: Client, remote: Remote) -> None:
    for table in _TABLES:
        remote.do(f"CREATE TABLE {table} (id bigint PRIMARY KEY, v varchar(20))")
        remote.do(f"INSERT INTO {table} VALUES (1, '007'), (2, '8')")
    remote.do("ALTER TABLE counted ADD COLUMN w bigint", "UPDATE counted SET w = id")
    wishes = [whole("dropped"), by_cursor("renamed", "id"), whole("retyped"), by_cursor("counted", "id")]
    source = client.add(remote.source_type, remote.config, *wishes)
    assert client.settled(source)["status"] == "Completed"
    remote.do("INSERT INTO counted VALUES (3, '9', 3)")
    holder = _locked(remote)
    client.call("POST", f"external_data_sources/{source}/reload")
    until(lambda: _waiting(remote))
    # Numbers where there was text, of which "007" is none; and text that no number can hold.
    kind = "TYPE bigint USING v::bigint" if remote.source_type == "Postgres" else ""
    run(holder, f"ALTER TABLE retyped {f'ALTER v {kind}' if kind else 'MODIFY v bigint'}")
    run(holder, f"ALTER TABLE counted {'ALTER w TYPE text' if kind else 'MODIFY w varchar(20)'}")
    run(holder, "UPDATE counted SET w = 'three' WHERE id = 3")
    run(holder, "ALTER TABLE renamed RENAME TO other", "DROP TABLE dropped")
    run(holder, "COMMIT" if kind else "UNLOCK TABLES")
    holder.close()
    client.settled(source)
    for table in ("dropped", "renamed"):
        schema = client.schema(source, table)
        assert (schema["status"], schema["should_sync"]) == ("Failed", False)
        assert schema["latest_error"].startswith(f"The source has no table {table} any more")
        assert client.rows(source, table, "id, v") == [[1, "007"], [2, "8"]]
    assert client.schema(source, "retyped")["latest_error"] is None
    assert client.rows(source, "retyped", "id, v") == [[1, 7], [2, 8]]
    assert client.schema(source, "counted")["latest_error"] is None
    assert client.rows(source, "counted", "id, v, w") == [[1, "007", "1"], [2, "8", "2"], [3, "9", "three"]]
    assert [run["status"] for run in client.runs(source, "counted")] == ["Completed", "Completed"]
