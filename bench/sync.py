"""Syncs of a PostgreSQL table: against a raw COPY, and against the engine's own reading of the same table."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import psycopg

from bench.processes import hedgerow
from bench.table import Measured, show
from hedgerow.kit.ids import token

_ROWS = int(os.environ.get("HEDGEROW_TEST_SYNC_ROWS", "2000000"))
_URL = os.environ.get("HEDGEROW_TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/postgres")
_PORT = 18_475
_MOST_MEMORY_MB = 300.0
_MAKE = """
    DROP TABLE IF EXISTS bench_sync;
    CREATE TABLE bench_sync (id bigint PRIMARY KEY, account integer, price numeric(12, 2), ratio double precision,
        paid boolean, name text, note text, made timestamptz, day date, tag uuid, extra jsonb, seen bigint);
    INSERT INTO bench_sync SELECT i, i % 5000, i * 0.25, i / 7.0, i % 2 = 0, 'customer ' || i % 5000, md5(i::text),
        '2026-01-01'::timestamptz + i * interval '1 second', '2026-01-01'::date + (i % 365)::int,
        md5(i::text)::uuid, jsonb_build_object('a', i % 10, 'b', 'x'), i
    FROM generate_series(1, %s) i;
    ANALYZE bench_sync
"""


def _raw_copy(database: psycopg.Connection[Any]) -> float:
    began = time.perf_counter()
    with database.cursor() as cursor, cursor.copy("COPY bench_sync TO STDOUT (FORMAT binary)") as copy:
        for _ in copy:
            pass
    return time.perf_counter() - began


def _engine_alone() -> float:
    """Seconds of `INSERT … SELECT FROM postgresql(…)`, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "bench.sync", "engine"], capture_output=True, text=True, check=True)
    return float(done.stdout)


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


def _await(api: httpx.Client, source: str) -> None:
    while True:
        shown = api.get(f"external_data_sources/{source}/").json()
        if shown["status"] != "Running":
            assert shown["status"] == "Completed", shown["latest_error"]
            return
        time.sleep(0.01)


def _timed(api: httpx.Client, source: str, path: str) -> float:
    began = time.perf_counter()
    api.post(path).raise_for_status()
    _await(api, source)
    return time.perf_counter() - began


def _ours(database: psycopg.Connection[Any], key: str, home: str) -> tuple[float, float, float, float]:
    """Seconds of a full sync, of one with a hundredth changed, of one without a change; MB that the full one added."""
    parts = urlsplit(_URL)
    login = {"user": unquote(parts.username or ""), "password": unquote(parts.password or "") or "none"}
    place = {"host": parts.hostname, "port": parts.port or 5432, "database": parts.path[1:], "schema": "public"}
    cursor = {"incremental_field": "seen", "incremental_field_type": "integer"}
    wish = {"name": "bench_sync", "should_sync": False, "sync_type": "incremental", **cursor}
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{_PORT}/api/projects/1/"
    with hedgerow(home, _PORT, key) as process, httpx.Client(base_url=url, headers=headers, timeout=60) as api:
        body = {"source_type": "Postgres", "payload": {**place, **login, "schemas": [wish]}}
        source = api.post("external_data_sources/", json=body).raise_for_status().json()
        schema = next(each for each in source["schemas"] if each["name"] == "bench_sync")
        path = f"external_data_schemas/{schema['id']}/"
        with _Memory(process.pid) as memory:
            began = time.perf_counter()
            api.patch(path, json={"should_sync": True}).raise_for_status()
            _await(api, source["id"])
            full = time.perf_counter() - began
        database.execute(f"UPDATE bench_sync SET note = 'new', seen = seen + {_ROWS} WHERE id % 100 = 0")
        changed = _timed(api, source["id"], f"{path}reload/")
        unchanged = _timed(api, source["id"], f"{path}reload/")
    return full, changed, unchanged, memory.most - memory.start


def main() -> None:
    """Sync one table each way; print ratios."""
    with psycopg.connect(_URL, autocommit=True) as database, tempfile.TemporaryDirectory() as folder:
        database.execute(_MAKE.replace("%s", str(_ROWS)))
        raw, alone = _raw_copy(database), _engine_alone()
        full, changed, unchanged, memory = _ours(database, token("phx_"), f"{folder}/home")
        database.execute("DROP TABLE bench_sync")
    show(
        f"Syncing a PostgreSQL table of {_ROWS:,} rows × 12 columns",
        [
            Measured("full sync, against raw COPY", full, raw, "s", ">= 0.5 of its speed", full <= raw * 2),
            Measured("full sync, against the engine's own", full, alone, "s", "no slower", full <= alone),
            Measured("memory added", memory, _MOST_MEMORY_MB, "MB", "<= 300 MB", memory <= _MOST_MEMORY_MB),
            Measured("1% changed, against full", changed, full, "s", "<= 5%", changed <= full * 0.05),
            Measured("nothing changed", unchanged, 0.3, "s", "<= 300 ms", unchanged <= 0.3),
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(_insert())
    else:
        main()
