"""Databases behind an SSH server: all that a connector must do, every way to be refused, and nothing left open."""

import threading
from collections.abc import Mapping
from contextlib import closing
from socket import create_server
from typing import Any
from urllib.parse import urlsplit

import asyncssh
import psycopg
import pytest

from hedgerow.connectors import Ask, Connector, Refused, SourceError, Unreachable
from hedgerow.connectors.clickhouse import ClickHouseConnector
from hedgerow.connectors.mysql import MySqlConnector
from hedgerow.connectors.postgres import PostgresConnector
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.connectors import mysql_tables, postgres_tables
from tests.support.api_server import ApiServer
from tests.support.processes import free_port
from tests.support.ssh_server import PASSPHRASE, PASSWORD, SshServer

GUARD = OutgoingGuard(allow_private=True)
TAKEN = "127.0.0.1"


@pytest.fixture
def behind(postgres_url: str, ssh_server: SshServer) -> dict[str, Any]:
    """A PostgreSQL source behind the server."""
    return dict(postgres_tables.config_of(postgres_url, ssh_tunnel=ssh_server.by_password()))


class TestPostgresThroughATunnel(ConnectorConformance):
    @pytest.fixture
    def case(self, behind: dict[str, Any], postgres_url: str, ssh_server: SshServer) -> Case:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(postgres_tables.MAKE)
        other = asyncssh.generate_private_key("ssh-ed25519")
        tunnels = {
            "a wrong password": (ssh_server.by_password("wr0ng"), "refused the user"),
            "an unknown user": (ssh_server.by_password(user="nobody"), "refused the user"),
            "a key that nobody knows": (ssh_server.by_key(other), "refused the user"),
            "a port of the web": (ssh_server.by_password(port=80), "Port 80 is not allowed"),
            "another port of the web": (ssh_server.by_password(port=443), "Port 443 is not allowed"),
            "a port that is none": (ssh_server.by_password(port=70_000), "70000 is none"),
            "no password": (ssh_server.by_password(""), "Username and password required"),
            "no user": (ssh_server.by_password(user=""), "Username and password required"),
            "no key": (ssh_server.tunnel({"selection": "keypair", "username": "a"}), "Private key is required"),
            "a key that is none": (
                ssh_server.tunnel({"selection": "keypair", "username": "a", "private_key": "a key"}),
                "Private key could not be parsed",
            ),
            "a host that is no name": (ssh_server.by_password(host="/run/ssh"), "not a host name"),
            "a host that leads nowhere": (ssh_server.by_password(host="nowhere.invalid"), "could not be resolved"),
        }
        refused = {what: ({**behind, "ssh_tunnel": tunnel}, word) for what, (tunnel, word) in tunnels.items()}
        refused["a wrong database"] = ({**behind, "database": "nowhere"}, '"nowhere"')
        refused["a socket of the SSH server itself"] = ({**behind, "host": "/run/postgresql"}, "not a host name")
        return Case(
            connector=PostgresConnector(GUARD),
            config=behind,
            table="kinds",
            rows=postgres_tables.ROWS,
            primary_key=("id",),
            cursor="id",
            open=ssh_server.opened,
            refused=refused,
            unreachable={**behind, "ssh_tunnel": ssh_server.by_password(port=free_port())},
        )


def _counted(connector: Connector, config: Mapping[str, Any], table: str) -> int:
    connector.check(config)
    assert [found.name for found in connector.discover(config)]
    return sum(batch.num_rows for batch in connector.read(config, Ask(table)))


def test_mariadb_is_reached_through_a_tunnel(mariadb_server: str, ssh_server: SshServer) -> None:
    for tunnel in (ssh_server.by_password(), ssh_server.by_key(), ssh_server.by_key(locked=True)):
        config = mysql_tables.config_of(mariadb_server, "mysql", ssh_tunnel=tunnel)
        assert _counted(MySqlConnector(GUARD), config, "help_topic") > 100
        assert (config["host"], config["port"]) in ssh_server.led
        assert ssh_server.opened() == 0


def test_clickhouse_is_reached_through_a_tunnel(clickhouse_url: str, ssh_server: SshServer) -> None:
    parts = urlsplit(clickhouse_url)
    config = {
        "host": parts.hostname,
        "port": parts.port,
        "database": "system",
        "user": "default",
        "secure": False,
        "ssh_tunnel": ssh_server.by_key(),
    }
    assert _counted(ClickHouseConnector(GUARD), config, "one") == 1
    assert ssh_server.led
    assert ssh_server.opened() == 0


def test_only_the_host_key_that_was_given_is_trusted(behind: dict[str, Any], ssh_server: SshServer) -> None:
    connector = PostgresConnector(GUARD)
    connector.check({**behind, "ssh_tunnel": ssh_server.by_password(host_key=ssh_server.public_host_key)})
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(Refused, match="another host key"):
        connector.check({**behind, "ssh_tunnel": ssh_server.by_password(host_key=other)})
    with pytest.raises(Refused, match="host key could not be parsed"):
        connector.check({**behind, "ssh_tunnel": ssh_server.by_password(host_key="ssh-ed25519 nothing")})


def test_a_locked_key_needs_its_passphrase(behind: dict[str, Any], ssh_server: SshServer) -> None:
    tunnel = ssh_server.by_key(locked=True)
    for passphrase, words in ((None, "passphrase is needed"), ("another", "passphrase is wrong")):
        auth = {**tunnel["auth"], "passphrase": passphrase}
        with pytest.raises(Refused, match=f"Private key could not be parsed.*{words}") as caught:
            PostgresConnector(GUARD).check({**behind, "ssh_tunnel": {**tunnel, "auth": auth}})
        assert PASSPHRASE not in caught.value.text


def test_what_lies_behind_is_told_apart_from_the_server_before_it(
    behind: dict[str, Any], ssh_server: SshServer
) -> None:
    connector = PostgresConnector(GUARD)
    closed = free_port()
    with pytest.raises(Unreachable, match=f"could not reach 127.0.0.1:{closed}") as caught:
        connector.check({**behind, "port": closed})
    assert caught.value.field == "host"
    ssh_server.leads = lambda _host, _port: False
    with pytest.raises(Refused, match="does not allow a tunnel to"):
        connector.check(behind)
    assert ssh_server.opened() == 0


def test_a_tunnel_that_breaks_may_be_tried_again(
    behind: dict[str, Any], postgres_url: str, ssh_server: SshServer
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT n, repeat('x', 1000) AS v FROM generate_series(1, 100000) n")
    reading = PostgresConnector(GUARD).read(behind, Ask("t", batch_rows=100))
    next(reading)
    ssh_server.cut()
    with pytest.raises(Unreachable) as caught:
        list(reading)
    assert caught.value.retryable
    assert PASSWORD not in caught.value.text
    assert ssh_server.opened() == 0


def test_a_silent_ssh_server_is_not_waited_for_long(
    behind: dict[str, Any], ssh_server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_steady(), "login_timeout", 0.3)
    monkeypatch.setitem(_steady(), "connect_timeout", 0.3)
    with closing(create_server((TAKEN, 0))) as listening:
        silent = ssh_server.by_password(port=listening.getsockname()[1])
        with pytest.raises(SourceError, match=r"in time|broke off") as caught:
            PostgresConnector(GUARD).check({**behind, "ssh_tunnel": silent})
    assert caught.value.retryable


def test_what_is_no_ssh_server_says_so(behind: dict[str, Any], ssh_server: SshServer) -> None:
    with ApiServer().running() as api:
        tunnel = ssh_server.by_password(port=int(api.url.rpartition(":")[2]))
        with pytest.raises(SourceError, match="no SSH server"):
            PostgresConnector(GUARD).check({**behind, "ssh_tunnel": tunnel})


def _steady() -> dict[str, Any]:
    from hedgerow.connectors.tunnel import forwarding

    found: dict[str, Any] = vars(forwarding)["_STEADY"]
    return found


def test_the_guard_stands_before_the_ssh_server_and_not_behind_it(
    behind: dict[str, Any], ssh_server: SshServer
) -> None:
    strict = PostgresConnector(OutgoingGuard(allow_private=False))
    with pytest.raises(Refused, match="internal IP addresses are not allowed") as caught:
        strict.check(behind)
    assert caught.value.field == "ssh_tunnel"
    asked: list[str] = []

    def resolver(host: str, port: int) -> frozenset[str]:
        asked.append(host)
        return frozenset({TAKEN})

    guard = OutgoingGuard(allow_private=True, resolver=resolver)
    tunnel = ssh_server.by_password(host="bastion.example.invalid")
    PostgresConnector(guard).check({**behind, "host": "localhost", "ssh_tunnel": tunnel})
    assert asked == ["bastion.example.invalid"]  # the database's name is the SSH server's business
    assert ssh_server.led == [("localhost", behind["port"])]


@pytest.mark.parametrize("given", [{"enabled": True}, {}])
def test_tls_inside_is_demanded_unless_it_is_switched_off(
    behind: dict[str, Any], ssh_server: SshServer, given: dict[str, Any], locked_postgres: str
) -> None:
    tunnel = ssh_server.by_password(require_tls=given)
    with pytest.raises(Refused, match="offers no TLS"):
        PostgresConnector(GUARD).check({**behind, "ssh_tunnel": tunnel})
    PostgresConnector(GUARD).check(postgres_tables.config_of(locked_postgres, ssh_tunnel=tunnel))


def test_several_connections_at_once_keep_apart(behind: dict[str, Any], postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT n, repeat(n::text, 50) AS v FROM generate_series(1, 20000) n")
    counts: list[int] = []

    def read() -> None:
        counts.append(sum(b.num_rows for b in PostgresConnector(GUARD).read(behind, Ask("t"))))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [20000] * 4


def test_no_thread_stays_behind(behind: dict[str, Any], ssh_server: SshServer) -> None:
    before = threading.active_count()
    PostgresConnector(GUARD).check(behind)
    assert ssh_server.opened() == 0
    assert threading.active_count() <= before
