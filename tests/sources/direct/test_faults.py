"""What may go wrong at a remote while it is queried, and what no query may do there; real servers on both sides."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import rows
from tests.sources.direct.conftest import SHOP, Shop, ask, body, connect, found
from tests.support.apps import Api, MakeApi
from tests.support.cutting import way_to
from tests.support.ssh_server import SshServer

_WAIT = 20.0
_BUSY = {
    "Postgres": "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%slow%%' AND state = 'active'"
    " AND pid <> pg_backend_pid() AND datname = current_database()",
    "MySQL": "SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%slow%' AND ID <> CONNECTION_ID()",
}
_MAKE = "CREATE OR REPLACE FUNCTION write_it() RETURNS integer"
_FUNCTIONS = {
    "Postgres": (
        f"{_MAKE} LANGUAGE sql VOLATILE AS 'SELECT 1'",
        f"{_MAKE} LANGUAGE sql VOLATILE AS 'INSERT INTO public.secrets VALUES (1, ''w'') RETURNING id'",
    ),
    "MySQL": (
        f"{_MAKE} DETERMINISTIC RETURN 1",
        f"{_MAKE} DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO secrets VALUES (1, 'w'); RETURN 1; END",
    ),
}


@pytest.fixture
def slow(shop: Shop) -> Shop:
    """A shop with a view that takes a minute."""
    sleep = "pg_sleep(60)::text" if shop.source_type == "Postgres" else "SLEEP(60)"
    shop.do(f"CREATE VIEW slow AS SELECT id, {sleep} AS nap FROM users")
    return shop


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_time_of_a_query_holds_for_the_remote(make_app: MakeApi, slow: Shop) -> None:
    api = make_app(api_query_timeout=1.0)
    source = connect(api, slow, "slow", "users")
    late = ask(api, source, "select * from slow")
    assert (late.status_code, late.json()["code"]) == (400, "query_timeout")
    until(lambda: slow.asked(_BUSY[slow.source_type]) == 0)
    assert found(api, source, "select count() from users") == [[3]]
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == frozenset()


@pytest.mark.parametrize("later", [True, False])
def test_a_query_that_is_cancelled_ends_at_the_remote(api: Api, slow: Shop, later: bool) -> None:
    source = connect(api, slow, "slow")
    mine, answers = f"mine-{uuid4()}", list[Any]()
    query = {"kind": "HogQLQuery", "query": "select * from slow", "connectionId": source["id"]}
    asked = {"query": query, "client_query_id": mine, **({"refresh": "async"} if later else {})}
    asking = threading.Thread(target=lambda: answers.append(api.post("/query", json=asked)))
    asking.start()
    until(lambda: slow.asked(_BUSY[slow.source_type]) > 0)
    assert api.delete(f"/query/{mine}").status_code == 200
    asking.join(_WAIT)
    until(lambda: slow.asked(_BUSY[slow.source_type]) == 0)
    if later:
        status = api.get(f"/query/{mine}").json()["query_status"]
        assert (status["error"], status["error_message"]) == (True, "The query was cancelled.")
    else:
        assert (answers[0].status_code, answers[0].json()["code"]) == (400, "query_cancelled")
    assert api.call(api.house.engine.tables, f"p{api.project_id}") == frozenset()


def test_no_query_writes_at_the_remote(api: Api, shop: Shop) -> None:
    harmless, writing = _FUNCTIONS[shop.source_type]
    shop.do(harmless, "CREATE VIEW writes AS SELECT id, write_it() AS written FROM users")
    source = connect(api, shop, "writes", "secrets")
    assert found(api, source, "select sum(written) from writes") == [[3]]
    shop.do(writing)
    answer = ask(api, source, "select * from writes")
    assert answer.status_code == 400
    assert answer.json()["detail"] in (
        "My shop: The server refused: cannot execute INSERT in a read-only transaction.",
        "My shop: There is no table writes that this user may read.",  # MariaDB does not even describe it
    )
    for query in (
        "insert into secrets select 1, 'x'",
        "select * from secrets; drop table secrets",
        "drop table secrets",
    ):
        assert ask(api, source, query).status_code == 400
    assert found(api, source, "select count() from secrets") == [[0]]


@pytest.fixture
def locked(locked_postgres: str) -> Iterator[tuple[psycopg.Connection[Any], dict[str, Any]]]:
    """A user of a server that asks for passwords and offers TLS, with a database of its own."""
    name = f"reader_{uuid4().hex}"
    with psycopg.connect(locked_postgres, autocommit=True) as root:
        root.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'f1rst-secret-word'")
        root.execute(f"CREATE SCHEMA {name}")
        root.execute(f"SET search_path = {name}")
        for statement in SHOP:
            root.execute(statement)
        root.execute(f"GRANT USAGE ON SCHEMA {name} TO {name}")
        root.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO {name}")
        config = config_of(locked_postgres, user=name, password="f1rst-secret-word", schema=name, sslmode="require")
        yield root, dict(config)
        root.execute(f"DROP SCHEMA {name} CASCADE")
        root.execute(f"DROP ROLE {name}")


def test_a_password_that_is_changed_is_told_and_kept(
    api: Api, locked: tuple[psycopg.Connection[Any], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    root, config = locked
    shop = Shop("Postgres", config, lambda: None, config["schema"], lambda _query: 0)
    source = connect(api, shop)
    assert found(api, source, "select name from users where id = 1") == [["Ada"]]
    root.execute(f"ALTER ROLE {config['user']} PASSWORD 's3cond-secret-word'")
    wrong = ask(api, source, "select name from users")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "source_error")
    assert wrong.json()["detail"] == "My shop: The user or the password is wrong."
    path = f"/external_data_sources/{source['id']}"
    assert api.patch(path, json={"job_inputs": {"password": "s3cond-secret-word"}}).status_code == 200
    assert found(api, source, "select name from users where id = 1") == [["Ada"]]
    root.execute(f"REVOKE SELECT ON {config['schema']}.users FROM {config['user']}")
    assert "users" in ask(api, source, "select name from users").json()["detail"]
    told = capsys.readouterr()
    for text in (told.out, told.err, wrong.text, api.get(path).text):
        assert "f1rst-secret-word" not in text
        assert "s3cond-secret-word" not in text


def test_a_remote_that_is_away_holds_nobody_else_up(api: Api, postgres_shop: Shop, ssh_server: SshServer) -> None:
    payload = {**postgres_shop.payload, "ssh_tunnel": ssh_server.by_password()}
    tunnelled = Shop("Postgres", payload, postgres_shop.do, "public", postgres_shop.asked)
    source = connect(api, tunnelled)
    joined = "select u.id, o.id from users u join orders o on o.user_id = u.id where o.price > 2 order by o.id"
    assert found(api, source, joined) == [[2, 2], [1, 3]]
    assert ssh_server.opened() == 0  # a tunnel is there for as long as rows come through it
    ssh_server.leads = lambda _host, _port: False
    refused = ask(api, source, "select id from users")
    assert (refused.status_code, refused.json()["attr"]) == (400, "query__connectionId")
    assert refused.json()["detail"].startswith("My shop: The SSH server does not allow a tunnel to 127.0.0.1:")
    nowhere = api.patch(
        f"/external_data_sources/{source['id']}", json={"job_inputs": {"port": 1, "ssh_tunnel": {"enabled": False}}}
    )
    assert nowhere.status_code == 400
    assert rows(api, "select 1") == [[1]]
    assert found(api, source, "select 2") == [[2]]  # what reads nothing of the remote asks it nothing
    schema = api.post("/query", json={"query": {"kind": "DatabaseSchemaQuery", "connectionId": source["id"]}})
    assert "users" in schema.json()["tables"]


def test_a_server_that_is_gone_is_unavailable(api: Api, shop: Shop) -> None:
    with way_to(shop.payload["port"]) as way:
        source = connect(api, replace(shop, payload={**shop.payload, "port": way.port}))
        assert found(api, source, "select count() from users") == [[3]]
    away = ask(api, source, "select id from users")
    assert (away.status_code, away.json()["code"]) == (503, "source_unreachable")
    assert away.json()["detail"] == "My shop: The server could not be reached: nothing listens on this host and port."


def test_the_guard_looks_at_the_host_of_each_query(api: Api, shop: Shop) -> None:
    source = connect(api, shop)
    connector: Any = api.house.sources.remotes.connector(shop.source_type)
    connector._guard.allow_private = False
    answer = ask(api, source, "select id from users")
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "My shop: Hosts with internal IP addresses are not allowed",
    )
    assert body(shop)["access_method"] == "direct"
