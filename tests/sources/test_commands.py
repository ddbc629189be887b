"""`hedgerow sources` against a real server, as automation uses it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.connectors.postgres_tables import config_of
from tests.sources.conftest import Shop
from tests.support.processes import Server, start_server

pytestmark = pytest.mark.acceptance
KEY = "phx_0123456789abcdef0123456789abcdef"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as running:
        yield running


@pytest.fixture
def run(server: Server) -> Run:
    def command(*arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        named = {"HEDGEROW_URL": str(server.client().base_url), "HEDGEROW_KEY": KEY, "HEDGEROW_PROJECT": "1"}
        return subprocess.run(
            [Path(sys.executable).parent / "hedgerow", "sources", *arguments],
            env=os.environ | named,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return command


def test_a_source_is_added_synced_and_shown(run: Run, tmp_path: Path) -> None:
    shop = Shop(tmp_path / "home" / "sources" / "shop.sqlite")
    added = run("add", "sqlite", "--set", "path=shop.sqlite", "--table", "users:incremental:seen", "--table", "orders")
    assert (added.returncode, added.stderr) == (0, "")
    source, *lines = added.stdout.splitlines()
    assert sorted(line.partition(", ")[0] for line in lines) == ["sqlite_orders: 2 rows", "sqlite_users: 3 rows"]
    assert source in run("list").stdout
    shop.do("INSERT INTO users VALUES (4, 'Alan', 40)")
    assert run("sync", "SQLite", "--table", "users").stdout.startswith("sqlite_users: 1 rows")
    assert run("sync", source, "--table", "users", "--resync").stdout.startswith("sqlite_users: 4 rows")
    shown = run("status").stdout.splitlines()
    assert [word in shown[-1] for word in ("SQLite", "users", "sqlite_users", "incremental", "Completed", "4")]
    shop.do("DROP TABLE orders")
    failed = run("sync")
    assert failed.returncode == 1
    assert "sqlite_orders: failed: The source has no table orders any more" in failed.stdout


def test_what_cannot_be_done_is_one_line_and_a_secret_is_asked_for(run: Run) -> None:
    refusals = {
        ("add", "Workday"): "this server has no Workday sources",
        ("add", "sqlite", "--set", "path"): "--set path: write name=value.",
        ("add", "sqlite", "--set", "path=gone.sqlite"): "There is no such file",
        ("sync", "nothing"): "there is no source nothing",
        ("sync",): "there is no such table that is synced",
    }
    for arguments, text in refusals.items():
        done = run(*arguments)
        assert done.returncode == 1
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1
    settings = [word for each in ("host=127.0.0.1", "port=1", "database=x", "user=x") for word in ("--set", each)]
    done = run("add", "Postgres", *settings, given="s3cret\n")
    assert done.returncode == 1
    assert "nothing listens on this host and port" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


def test_a_direct_source_is_added_and_never_synced(run: Run, server: Server, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE users AS SELECT n AS id FROM generate_series(1, 3) n")
    said = [word for name, value in config_of(postgres_url).items() for word in ("--set", f"{name}={value}")]
    added = run("add", "postgres", *said, "--direct", "--prefix", "Live shop")
    assert (added.returncode, added.stderr) == (0, "")
    (source,) = added.stdout.split()
    query = {"kind": "HogQLQuery", "query": "select count() from users", "connectionId": source}
    with server.client() as client:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = client.post("/api/projects/1/query/", json={"query": query}, headers=headers)
    assert answer.json()["results"] == [[3]]
    shown = run("status").stdout.splitlines()
    assert [word in shown[-1] for word in ("Live shop", "users", "direct", "never")]
    assert "there is no such table that is synced" in run("sync").stderr
    assert "This source is queried directly" in run("sync", source).stderr
