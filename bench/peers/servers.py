"""Other servers of one parametrised query, each ready to be asked."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from bench.load import get, post
from bench.processes import running
from tests.support import postgres_process
from tests.support.clickhouse_library import fetch
from tests.support.clickhouse_node import Node, start_nodes
from tests.support.npm import installed
from tests.support.processes import free_port

_CACHE = Path(__file__).parents[2] / ".cache" / "peers"
LIBRARIES = "HEDGEROW_BENCH_LIBRARIES"
SQL = (
    "SELECT country, count(*) AS n, sum(amount) AS total, max(ts) AS last_ts FROM payments "
    "WHERE customer_id = {} GROUP BY country ORDER BY country"
)
Ask = Callable[[int], bytes]


class Missing(Exception):
    """Why a peer cannot be had here."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a server listens, and how it is asked about a customer."""

    port: int
    ask: Ask


def datasette(folder: Path) -> Any:
    return _datasette_over(folder, index=False)


def datasette_by_index(folder: Path) -> Any:
    return _datasette_over(folder, index=True)


@contextmanager
def _datasette_over(folder: Path, *, index: bool) -> Iterator[Asked]:
    program, port = program_of("datasette", "datasette==0.65.5"), free_port()
    file = folder / str(index) / "payments.db"
    file.parent.mkdir()
    as_sqlite(folder / "payments.parquet", file, index=index)
    metadata = {"databases": {"payments": {"queries": {"sums": {"sql": SQL.format(":customer")}}}}}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    options = ["--metadata", folder / "metadata.json", "-p", str(port), "--setting", "sql_time_limit_ms", "20000"]
    with running([program, "serve", file, *options], f"http://127.0.0.1:{port}/", quiet=True):
        yield Asked(port, lambda n: get(f"/payments/sums.json?customer={n}&_shape=array"))


@contextmanager
def roapi(folder: Path) -> Iterator[Asked]:
    program, port = program_of("roapi", "roapi==0.12.7"), free_port()
    doors = [
        "-a",
        f"127.0.0.1:{port}",
        "-p",
        f"127.0.0.1:{free_port()}",
        "--addr-flight-sql",
        f"127.0.0.1:{free_port()}",
    ]
    with running(
        [program, *doors, "-t", f"payments={folder / 'payments.parquet'}"], f"http://127.0.0.1:{port}/", quiet=True
    ):
        yield Asked(port, lambda n: post("/api/sql", SQL.format(n).encode(), "none"))


@contextmanager
def flapi(folder: Path) -> Iterator[Asked]:
    command, port = _flapi_command(), free_port()
    home = folder / "flapi"
    (home / "sqls").mkdir(parents=True)
    source = "read_parquet('{{{ conn.path }}}')"
    (home / "flapi.yaml").write_text(
        "project-name: peers\nproject-description: peers\ntemplate:\n  path: ./sqls\nconnections:\n  payments:\n"
        f"    properties:\n      path: '{folder / 'payments.parquet'}'\n"
    )
    (home / "sqls" / "sums.yaml").write_text(
        "url-path: /sums\nmethod: GET\nrequest:\n  - field-name: customer\n    field-in: query\n    required: true\n"
        "    validators:\n      - type: int\n        min: 0\ntemplate-source: sums.sql\nconnection: [payments]\n"
    )
    (home / "sqls" / "sums.sql").write_text(
        SQL.format("{{ params.customer }}").replace("FROM payments", f"FROM {source}")
    )
    with running(
        [*command, "-c", home / "flapi.yaml", "-p", str(port)],
        f"http://127.0.0.1:{port}/",
        {"DATAZOO_DISABLE_TELEMETRY": "1"},
        quiet=True,
    ):
        yield Asked(port, lambda n: get(f"/sums?customer={n}"))


@contextmanager
def _clickhouse(folder: Path) -> Iterator[Node]:
    if reason := fetch():
        raise Missing(reason)
    query = f"{SQL.format('{customer:Int64}')} FORMAT JSONCompact"
    handler = f"<type>predefined_query_handler</type><query>{query}</query>"
    rule = f"<rule><url>/sums</url><methods>GET</methods><handler>{handler}</handler></rule>"
    home = Path(tempfile.mkdtemp(dir=folder))
    (node,) = start_nodes(home, 1, f"<http_handlers>{rule}<defaults/></http_handlers>")
    try:
        url = f"http://127.0.0.1:{node.http_port}/"
        columns = "id Int64, customer_id Int64, country String, amount Float64, quantity Int64, ts DateTime('UTC')"
        table = f"CREATE TABLE payments ({columns}) ENGINE = MergeTree ORDER BY customer_id"
        httpx.post(url, content=table).raise_for_status()
        rows = (folder / "payments.parquet").read_bytes()
        inserted = {"query": "INSERT INTO payments FORMAT Parquet"}
        httpx.post(url, params=inserted, content=rows, timeout=120).raise_for_status()
        yield node
    finally:
        node.stop()


@contextmanager
def predefined(folder: Path) -> Iterator[Asked]:
    with _clickhouse(folder) as node:
        yield Asked(node.http_port, lambda n: get(f"/sums?param_customer={n}"))


@contextmanager
def interface(folder: Path) -> Iterator[Asked]:
    text = f"{SQL.format('{customer:Int64}')} FORMAT JSONCompact"
    with _clickhouse(folder) as node:
        yield Asked(node.http_port, lambda n: get(f"/?{urlencode({'query': text, 'param_customer': n})}"))


@contextmanager
def postgraphile(folder: Path) -> Iterator[Asked]:
    binaries = postgres_process.binaries()
    if binaries is None:
        raise Missing("there is no PostgreSQL")
    package, port = installed("postgraphile@4.14.1"), free_port()
    with postgres_process.running(binaries) as url:
        _as_postgres(folder / "payments.parquet", url)
        script = package / "node_modules" / "postgraphile" / "cli.js"
        command = [str(shutil.which("node")), script, "-c", url, "-s", "public", "-p", str(port), "-n", "127.0.0.1"]
        asked = "query($c: Int!) { sums(customer: $c) { nodes { country n total lastTs } } }"
        with running(command, f"http://127.0.0.1:{port}/", quiet=True):
            yield Asked(
                port, lambda n: post("/graphql", json.dumps({"query": asked, "variables": {"c": n}}).encode(), "none")
            )


def as_sqlite(file: Path, target: Path, *, index: bool) -> None:
    """The rows in SQLite, with an index or without."""
    connection = sqlite3.connect(target)
    columns = "id INTEGER, customer_id INTEGER, country TEXT, amount REAL, quantity INTEGER, ts TEXT"
    connection.execute(f"CREATE TABLE payments ({columns})")
    rows = _plain(file)
    marks = ", ".join("?" * rows.num_columns)
    for batch in rows.to_batches(100_000):
        columns = [column.to_pylist() for column in batch.columns]
        connection.executemany(f"INSERT INTO payments VALUES ({marks})", zip(*columns, strict=True))
    if index:
        connection.execute("CREATE INDEX by_customer ON payments (customer_id)")
    connection.commit()
    connection.close()


def _as_postgres(file: Path, url: str) -> None:
    """The rows in PostgreSQL, with an index, behind a function."""
    result = "TABLE (country text, n bigint, total float, last_ts text)"
    body = SQL.format("customer")
    with psycopg.connect(url, autocommit=True) as connection:
        columns = "id bigint, customer_id int, country text, amount float, quantity int, ts text"
        connection.execute(f"CREATE TABLE payments ({columns})")  # type: ignore[call-overload]
        with connection.cursor().copy("COPY payments FROM STDIN") as copy:
            for batch in _plain(file).to_batches(100_000):
                for row in zip(*[column.to_pylist() for column in batch.columns], strict=True):
                    copy.write_row(row)
        connection.execute("CREATE INDEX ON payments (customer_id)")
        connection.execute("ANALYZE payments")
        made = f"CREATE FUNCTION sums(customer int) RETURNS {result} LANGUAGE sql STABLE AS $f$ {body} $f$"
        connection.execute(made)  # type: ignore[call-overload]


def _plain(file: Path) -> pa.Table:
    """The rows with times as texts."""
    rows = pq.read_table(file)
    return rows.set_column(rows.schema.get_field_index("ts"), "ts", rows["ts"].cast(pa.string()))


def _flapi_command() -> list[str | Path]:
    """Its program is made for a newer C library than some systems have: a variable names a folder with one."""
    home = _environment("flapi-io==26.2.17.1")
    (program,) = home.glob("lib/python*/site-packages/flapi_io/bin/flapi")
    if folder := os.environ.get(LIBRARIES):
        system = "/lib/x86_64-linux-gnu"
        return _tried([Path(folder, "ld-linux-x86-64.so.2"), "--library-path", f"{folder}:{system}", program])
    return _tried([program])


def program_of(program: str, *packages: str) -> Path:
    """A program of a Python package, the first, in an environment of its own; raises `Missing`."""
    found = _environment(*packages) / "bin" / program
    _tried([found])
    return found


def _environment(*packages: str) -> Path:
    home = _CACHE / packages[0]
    ready = home / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True, capture_output=True)
        command = [home / "bin" / "pip", "--disable-pip-version-check", "install", *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"pip install ended with {done.stderr.strip()[-300:]}")
        ready.touch()
    return home


def _tried(command: list[str | Path]) -> list[str | Path]:
    """The command, if it runs here; raises `Missing`."""
    tried = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise Missing(f"it does not run on this machine: {tried.stderr.strip().splitlines()[-1][-200:]}")
    return command
