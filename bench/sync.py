"""Syncs of a PostgreSQL table: beside a raw COPY, the engine's own reading of the same table, and dlt."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import psycopg

from bench.peers import environment
from bench.processes import hedgerow
from bench.table import Measured, show
from hedgerow.kit.ids import token

_ROWS = int(os.environ.get("HEDGEROW_TEST_SYNC_ROWS", "2000000"))
_URL = os.environ.get("HEDGEROW_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/postgres")
_PORT, _ROUNDS, _TABLES = 18_475, 3, 200
_REST = 5.0  # what was written before is merged by then, as it is between runs that are minutes apart
_LOOK = 0.5  # between looks at whether a run has ended: each takes some milliseconds from it
_LOAD = Path(__file__).parent / "peers" / "dlt_process.py"
_MOST_MEMORY_MB = 300.0
MAKE = """
    DROP TABLE IF EXISTS bench_sync;
    CREATE TABLE bench_sync (id bigint PRIMARY KEY, account integer, price numeric(12, 2), ratio double precision,
        paid boolean, name text, note text, made timestamptz, day date, tag uuid, extra jsonb, seen bigint);
    INSERT INTO bench_sync SELECT i, i % 5000, i * 0.25, i / 7.0, i % 2 = 0, 'customer ' || i % 5000, md5(i::text),
        '2026-01-01'::timestamptz + i * interval '1 second', '2026-01-01'::date + (i % 365)::int,
        md5(i::text)::uuid, jsonb_build_object('a', i % 10, 'b', 'x'), i
    FROM generate_series(1, %s) i;
    ALTER TABLE bench_sync SET (autovacuum_enabled = off);
    ANALYZE bench_sync
"""


def _raw_copy(database: psycopg.Connection[Any], what: str = "bench_sync") -> float:
    began = time.perf_counter()
    with database.cursor() as cursor, cursor.copy(f"COPY {what} TO STDOUT (FORMAT binary)") as copy:
        for _ in copy:
            pass
    return time.perf_counter() - began


def _engine_alone() -> float:
    """Seconds of `INSERT … SELECT FROM postgresql(…)`, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "bench.sync", "engine"], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _dlt(folder: str) -> float:
    """Seconds that dlt takes into Parquet; raises `environment.Absent`."""
    url = _URL if urlsplit(_URL).password else _URL.replace("@", ":none@", 1)  # connectorx wants one
    command = [environment.python_of("dlt"), _LOAD, url, "bench_sync", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    rows, seconds = done.stdout.split()[-2:]
    assert int(rows) == _ROWS
    return float(seconds)


def _insert() -> float:
    import chdb

    parts = urlsplit(_URL)
    login = f"'{parts.path[1:]}', 'bench_sync', '{unquote(parts.username or '')}', '{unquote(parts.password or '')}'"
    source = f"postgresql('{parts.hostname}:{parts.port or 5432}', {login})"
    with tempfile.TemporaryDirectory() as folder:
        connection = chdb.connect(folder)  # type: ignore[no-untyped-call]
        began = time.perf_counter()
        connection.query(f"CREATE TABLE t ENGINE = MergeTree ORDER BY id AS SELECT * FROM {source}", "Null")
        seconds = time.perf_counter() - began
        connection.close()
    return seconds


class _Memory:
    """The most that a process holds while something goes on, MB."""

    def __init__(self, pid: int) -> None:
        self._pid, self._stop = pid, threading.Event()
        self.start = self.most = self._resident()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.most = max(self.most, self._resident())

    def _resident(self) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _seconds(api: httpx.Client, source: str, began: datetime) -> float:
    """Seconds from `began` until the run of that time ended, by its own record: asking all the time slows it down."""
    while True:
        time.sleep(_LOOK)
        runs = api.get(f"external_data_sources/{source}/jobs/", params={"after": began.isoformat()}).json()
        if runs and runs[0]["finished_at"] is not None:
            assert runs[0]["status"] == "Completed", runs[0]["latest_error"]
            return (datetime.fromisoformat(runs[0]["finished_at"]) - began).total_seconds()


def _timed(api: httpx.Client, source: str, path: str) -> float:
    began = datetime.now(UTC)
    api.post(path).raise_for_status()
    return _seconds(api, source, began)


def _login() -> dict[str, Any]:
    parts = urlsplit(_URL)
    login = {"user": unquote(parts.username or ""), "password": unquote(parts.password or "") or "none"}
    return {"host": parts.hostname, "port": parts.port or 5432, "database": parts.path[1:], "schema": "public", **login}


@contextmanager
def _served(folder: str) -> Iterator[tuple[int, httpx.Client]]:
    """A server: its process and a client of its API."""
    key = token("phx_")
    url = f"http://127.0.0.1:{_PORT}/api/projects/1/"
    with (
        hedgerow(f"{folder}/home", _PORT, key) as process,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as api,
    ):
        yield process.pid, api


def _full(api: httpx.Client) -> tuple[float, str, str]:
    """Seconds of a full sync; the source, and where its schema is found."""
    cursor = {"incremental_field": "seen", "incremental_field_type": "integer"}
    wish = {"name": "bench_sync", "should_sync": False, "sync_type": "incremental", **cursor}
    body = {"source_type": "Postgres", "payload": {**_login(), "schemas": [wish]}}
    source = api.post("external_data_sources/", json=body).raise_for_status().json()
    schema = next(each for each in source["schemas"] if each["name"] == "bench_sync")
    path = f"external_data_schemas/{schema['id']}/"
    began = datetime.now(UTC)
    api.patch(path, json={"should_sync": True}).raise_for_status()
    return _seconds(api, source["id"], began), source["id"], path


def _discovered(api: httpx.Client, database: psycopg.Connection[Any]) -> float:
    """Seconds until all tables are found."""
    columns = ", ".join(f"c{number} text" for number in range(11))
    names = [f"bench_wide_{number}" for number in range(_TABLES)]
    database.execute(";".join(f"CREATE TABLE {name} (id bigint PRIMARY KEY, {columns})" for name in names))
    began = time.perf_counter()
    body = {"source_type": "Postgres", **_login()}
    found = api.post("external_data_sources/database_schema/", json=body).raise_for_status().json()
    seconds = time.perf_counter() - began
    assert {table["table"] for table in found} >= set(names)
    database.execute(f"DROP TABLE {', '.join(names)}")
    return seconds


def _rounds(api: httpx.Client, database: psycopg.Connection[Any], folder: str) -> tuple[dict[str, float], str, str]:
    """The best seconds of each way, by turns; the last source of ours, and where its schema is found."""
    taken: dict[str, list[float]] = defaultdict(list)
    source = path = ""
    for number in range(_ROUNDS):
        if source:
            api.delete(f"external_data_sources/{source}/").raise_for_status()
        taken["raw"].append(_raw_copy(database))
        taken["alone"].append(_engine_alone())
        seconds, source, path = _full(api)
        taken["full"].append(seconds)
        try:
            taken["dlt"].append(_dlt(f"{folder}/{number}"))
        except environment.Absent as reason:
            print(f"dlt: missing: {reason}")
    return {way: min(seconds) for way, seconds in taken.items()}, source, path


def _changes(
    api: httpx.Client, database: psycopg.Connection[Any], schema: tuple[str, str], *, scattered: bool = True
) -> tuple[float, float, float]:
    """The best seconds of a sync with a hundredth changed, of one without a change, and of a raw COPY of the rows of
    that best sync: what PostgreSQL takes for them depends on where they lie.

    The changed rows are the latest, or `scattered`: every hundredth of all, written into the holes that a vacuum found.
    """
    source, path = schema
    changed, unchanged, copied = [], [], []
    for number in range(1, _ROUNDS + 1):
        time.sleep(_REST)
        if scattered:
            database.execute("VACUUM bench_sync")
        ((before,),) = database.execute("SELECT max(seen) FROM bench_sync").fetchall()
        chosen = f"id % 100 = {number}" if scattered else f"id > {_ROWS - _ROWS // 100}"
        database.execute(f"UPDATE bench_sync SET seen = id + {before} WHERE {chosen}")
        changed.append(_timed(api, source, f"{path}reload/"))
        unchanged.append(_timed(api, source, f"{path}reload/"))
        with psycopg.connect(_URL) as fresh:
            copied.append(_raw_copy(fresh, f"(SELECT * FROM bench_sync WHERE seen > {before} ORDER BY seen)"))
    best, raw = min(zip(changed, copied, strict=True))
    return best, min(unchanged), raw


def main() -> None:
    """Whole tables each way, then what changed, then tables that are found; print ratios."""
    with (
        psycopg.connect(_URL, autocommit=True) as database,
        tempfile.TemporaryDirectory() as folder,
        _served(folder) as (pid, api),
    ):
        database.execute(MAKE.replace("%s", str(_ROWS)))
        api.get("external_data_sources/wizard/").raise_for_status()
        with _Memory(pid) as memory:
            best, source, path = _rounds(api, database, folder)
        scanned, *_ = _changes(api, database, (source, path))
        database.execute("CREATE INDEX ON bench_sync (seen); ANALYZE bench_sync")
        latest, unchanged, latest_raw = _changes(api, database, (source, path), scattered=False)
        scattered, _, scattered_raw = _changes(api, database, (source, path))
        discovered = _discovered(api, database)
        database.execute("DROP TABLE bench_sync")
    full, raw, alone, added = best["full"], best["raw"], best["alone"], memory.most - memory.start
    lines = [
        Measured("full sync, against raw COPY", full, raw, "s", ">= 0.5 of its speed", full <= raw * 2),
        Measured("full sync, against the engine's own", full, alone, "s", "no slower", full <= alone),
        Measured("memory added", added, _MOST_MEMORY_MB, "MB", "<= 300 MB", added <= _MOST_MEMORY_MB),
        Measured("latest 1% changed, against full", latest, full, "s", "<= 5%", latest <= full * 0.05),
        Measured("  their raw COPY alone", latest_raw, full, "s", ""),
        Measured("every 100th changed, against full", scattered, full, "s", "<= 5%", scattered <= full * 0.05),
        Measured("  their raw COPY alone", scattered_raw, full, "s", ""),
        Measured("every 100th changed, no index on the cursor", scanned, full, "s", ""),
        Measured("nothing changed", unchanged, 0.3, "s", "<= 300 ms", unchanged <= 0.3),
        Measured(f"{_TABLES} tables discovered", discovered, 2.0, "s", "<= 2 s", discovered <= 2),
    ]
    if (peer := best.get("dlt")) is not None:
        lines.append(Measured("full sync, against dlt", full, peer, "s", ">= 1.8 of its speed", full * 1.8 <= peer))
    show(f"Syncing a PostgreSQL table of {_ROWS:,} rows × 12 columns, the best of {_ROUNDS} each", lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(_insert())
    else:
        main()
