"""One parametrised query over 1,000,000 rows, over HTTP: Hedgerow beside the servers that do the same.

`python -m bench peers` installs what it can into .cache/peers and says of every other peer why it is missing.
"""

import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.load import Load, get, measure, post
from bench.payments import CUSTOMERS, payments
from bench.processes import running
from bench.table import Measured, show
from hedgerow.kit.ids import token
from tests.support import postgres_process
from tests.support.clickhouse_library import fetch
from tests.support.clickhouse_node import Node, start_nodes
from tests.support.npm import installed
from tests.support.processes import free_port, start_server

_ROUNDS, _SECONDS = 5, 1.0
_CACHE = Path(__file__).parents[1] / ".cache" / "peers"
_HOT = 7919
_SQL = (
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


@dataclass(frozen=True, slots=True)
class Peer:
    """`cold` and `hot`: what our rate is to be, by the peer's, for other customers each time and for one."""

    name: str
    serve: Callable[[Path], Any]
    cold: float | None = None
    hot: float | None = None


def main() -> None:
    """Each peer in turn with Hedgerow, both asked by turns."""
    key = token("phx_")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = payments()
        pq.write_table(rows, folder / "payments.parquet")
        expected = sorted(pc.unique(rows.filter(pc.equal(rows["customer_id"], _HOT))["country"]).to_pylist())
        with _hedgerow(folder, key) as (cold, hot):
            _check(hot, expected)
            for peer in PEERS:
                try:
                    with peer.serve(folder) as asked:
                        _check(asked, expected)
                        _compare(peer, (cold, hot), asked)
                except Missing as reason:
                    print(f"\n{peer.name}: missing: {reason}")
                except BaseException as skipped:
                    # What tests skip by: npm or its package is not there.
                    if type(skipped).__name__ != "Skipped":
                        raise
                    print(f"\n{peer.name}: missing: {skipped}")


def _compare(peer: Peer, ours: tuple[Asked, Asked], asked: Asked) -> None:
    lines = []
    for what, mine, goal, customer in (
        ("other customers each time", ours[0], peer.cold, lambda n: n * 7919 % CUSTOMERS),
        ("one customer", ours[1], peer.hot, lambda n: _HOT),
    ):
        for connections in (1, 16):
            rounds = [(_rate(mine, customer, connections), _rate(asked, customer, connections)) for _ in range(_ROUNDS)]
            ratio = statistics.median(one.rate / other.rate for one, other in rounds)
            rates = [statistics.median(each.rate for each in side) for side in zip(*rounds, strict=True)]
            late = [statistics.median(each.p50 for each in side) for side in zip(*rounds, strict=True)]
            name = f"{what}, {connections} conn."
            text = f">= {goal}" if goal else ""
            lines.append(Measured(f"{name}, answers a second", *rates, "", text, ratio >= goal if goal else None))
            lines.append(Measured("  p50", *late, "ms", ""))
    show(f"Hedgerow beside {peer.name}", lines)


def _rate(asked: Asked, customer: Callable[[int], int], connections: int) -> Load:
    return measure(asked.port, lambda n: asked.ask(customer(n)), connections, _SECONDS)


def _check(asked: Asked, expected: Sequence[str]) -> None:
    """It answers with the rows there are, whatever its shape."""
    head, _, body = asked.ask(_HOT).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    answer = httpx.request(method, f"http://127.0.0.1:{asked.port}{path}", headers=headers, content=body, timeout=60)
    assert answer.is_success, answer.text
    assert all(country in answer.text for country in expected), answer.text


@contextmanager
def _hedgerow(folder: Path, key: str) -> Iterator[tuple[Asked, Asked]]:
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_LOG_LEVEL": "error", "HEDGEROW_THROTTLE": "false"}
    text = _SQL.format("{variables.customer}")
    with start_server(folder / "home", environment) as server, server.client(key) as api:
        base = "/api/projects/1"
        with (folder / "payments.parquet").open("rb") as content:
            form = {"name": "payments", "format": "Parquet", "options": json.dumps({"order_by": ["customer_id"]})}
            files = {"file": ("payments.parquet", content)}
            _made(api.post(f"{base}/warehouse_tables/file", data=form, files=files, timeout=300))
        _made(api.post(f"{base}/insight_variables", json={"name": "customer", "type": "Number"}))
        _made(api.post(f"{base}/endpoints", json={"name": "sums", "query": {"kind": "HogQLQuery", "query": text}}))
        port, run = int(server.url.rsplit(":", 1)[1]), f"{base}/endpoints/sums/run"
        yield (
            Asked(port, lambda n: post(run, b'{"refresh":"force","variables":{"customer":%d}}' % n, key)),
            Asked(port, lambda n: post(run, b'{"variables":{"customer":%d}}' % n, key)),
        )


def _made(answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text


def _datasette(folder: Path) -> Any:
    return _datasette_over(folder, index=False)


def _datasette_by_index(folder: Path) -> Any:
    return _datasette_over(folder, index=True)


@contextmanager
def _datasette_over(folder: Path, *, index: bool) -> Iterator[Asked]:
    program, port = _installed("datasette", "datasette==0.65.5"), free_port()
    file = folder / str(index) / "payments.db"
    file.parent.mkdir()
    _as_sqlite(folder / "payments.parquet", file, index=index)
    metadata = {"databases": {"payments": {"queries": {"sums": {"sql": _SQL.format(":customer")}}}}}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    options = ["--metadata", folder / "metadata.json", "-p", str(port), "--setting", "sql_time_limit_ms", "20000"]
    with running([program, "serve", file, *options], f"http://127.0.0.1:{port}/", quiet=True):
        yield Asked(port, lambda n: get(f"/payments/sums.json?customer={n}&_shape=array"))


@contextmanager
def _roapi(folder: Path) -> Iterator[Asked]:
    program, port = _installed("roapi", "roapi==0.12.7"), free_port()
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
        yield Asked(port, lambda n: post("/api/sql", _SQL.format(n).encode(), "none"))


@contextmanager
def _flapi(folder: Path) -> Iterator[Asked]:
    program, port = _installed("flapi", "flapi-io==26.2.17.1"), free_port()
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
        _SQL.format("{{ params.customer }}").replace("FROM payments", f"FROM {source}")
    )
    with running(
        [program, "-c", home / "flapi.yaml", "-p", str(port)],
        f"http://127.0.0.1:{port}/",
        {"DATAZOO_DISABLE_TELEMETRY": "1"},
        quiet=True,
    ):
        yield Asked(port, lambda n: get(f"/sums?customer={n}"))


def _superset(_: Path) -> Any:
    raise Missing("it has to be set up with a database, an administrator and a chart first, which is not written here")


@contextmanager
def _clickhouse(folder: Path) -> Iterator[Node]:
    if reason := fetch():
        raise Missing(reason)
    query = f"{_SQL.format('{customer:Int64}')} FORMAT JSONCompact"
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
def _predefined(folder: Path) -> Iterator[Asked]:
    with _clickhouse(folder) as node:
        yield Asked(node.http_port, lambda n: get(f"/sums?param_customer={n}"))


@contextmanager
def _interface(folder: Path) -> Iterator[Asked]:
    text = f"{_SQL.format('{customer:Int64}')} FORMAT JSONCompact"
    with _clickhouse(folder) as node:
        yield Asked(node.http_port, lambda n: get(f"/?{urlencode({'query': text, 'param_customer': n})}"))


@contextmanager
def _postgraphile(folder: Path) -> Iterator[Asked]:
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


def _as_sqlite(file: Path, target: Path, *, index: bool) -> None:
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
    body = _SQL.format("customer")
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


def _installed(program: str, package: str) -> Path:
    """A program of a Python package, in an environment of its own; raises `Missing`."""
    home = _CACHE / package
    found = home / "bin" / program
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True, capture_output=True)
        command = [home / "bin" / "pip", "--disable-pip-version-check", "install", package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"pip install ended with {done.stderr.strip()[-300:]}")
    tried = subprocess.run([found, "--help"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise Missing(f"it does not run on this machine: {tried.stderr.strip().splitlines()[-1][-200:]}")
    return found


PEERS = (
    Peer("a ClickHouse server's predefined_query_handler", _predefined, cold=0.7),
    Peer("a ClickHouse server's HTTP interface", _interface, hot=5.0),
    Peer("datasette 0.65.5, a canned query", _datasette, cold=1.0),
    Peer("datasette 0.65.5, a canned query over an index", _datasette_by_index),
    Peer("ROAPI 0.12.7, in memory", _roapi, cold=1.0),
    Peer("flapi 26.2 over Parquet", _flapi, cold=1.0),
    Peer("Superset", _superset, cold=1.0),
    Peer("PostGraphile 4 over an index", _postgraphile, hot=2.0),
)


if __name__ == "__main__":
    main()
