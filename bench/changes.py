"""Change data capture of a PostgreSQL table: the delay until a query sees a change, and the most that is applied."""

import os
import random
import statistics
import tempfile
import threading
import time
from typing import Any

import httpx
import psycopg

from bench.processes import hedgerow
from bench.sync import MAKE
from bench.table import Measured, show
from hedgerow.kit.ids import token
from tests.support import postgres_process

_ROWS = int(os.environ.get("HEDGEROW_TEST_SYNC_ROWS", "2000000"))
_SECONDS = int(os.environ.get("HEDGEROW_TEST_CHANGES_SECONDS", "20"))
_RATE, _AT_ONCE = 5_000, 100
_BURST = 200_000
# Where the rows as they are now are found, by what the log is made into.
_PLACES = {
    "consolidated": "postgres_bench_sync where true",
    "both": "postgres_bench_sync_cdc where valid_to is null and not _ph_deleted",
    "cdc_only": "postgres_bench_sync_cdc where valid_to is null and not _ph_deleted",
}
_PORT = 18_477
_SUMS = "SELECT count(*), sum(seen)::bigint, sum(account)::bigint FROM bench_sync"


class _Writer(threading.Thread):
    """Changes `_RATE` rows a second, half of them updates; every transaction leaves its number in the row 1."""

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__()
        self._url, self._seconds = url, seconds
        self.committed: dict[int, float] = {}
        self.rows = 0

    def run(self) -> None:
        chance, next_id, gone = random.Random(1), _ROWS + 1, 2
        began = time.perf_counter()
        with psycopg.connect(self._url, autocommit=True) as database:
            for number in range(1, int(self._seconds * _RATE / _AT_ONCE) + 1):
                quarter = (_AT_ONCE - 1) // 4
                picked = [chance.randrange(gone + quarter, _ROWS) for _ in range(_AT_ONCE - 1 - 2 * quarter)]
                with database.pipeline(), database.transaction():
                    database.execute("UPDATE bench_sync SET note = 'new', seen = seen + 1 WHERE id = ANY(%s)", [picked])
                    database.execute(
                        "INSERT INTO bench_sync (id, name) SELECT i, 'added' FROM generate_series(%s::int, %s) i",
                        [next_id, next_id + quarter - 1],
                    )
                    database.execute("DELETE FROM bench_sync WHERE id >= %s AND id < %s", [gone, gone + quarter])
                    database.execute("UPDATE bench_sync SET account = %s WHERE id = 1", [number])
                self.committed[number] = time.perf_counter()
                next_id, gone, self.rows = next_id + quarter, gone + quarter, self.rows + _AT_ONCE
                time.sleep(max(0.0, began + number * _AT_ONCE / _RATE - time.perf_counter()))


def _asked(api: httpx.Client, query: str) -> list[Any]:
    body = {"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"}
    found: list[Any] = api.post("query/", json=body).raise_for_status().json()["results"]
    return found


def _followed(api: httpx.Client, url: str, mode: str) -> dict[str, Any]:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    place = {name: parts[name] for name in ("host", "port", "user")} | {"database": "postgres", "password": "none"}
    wish = {"name": "bench_sync", "should_sync": True, "sync_type": "cdc", "cdc_table_mode": mode}
    payload = {**place, "schema": "public", "cdc_enabled": True, "schemas": [wish]}
    source = api.post("external_data_sources/", json={"source_type": "Postgres", "payload": payload})
    made: dict[str, Any] = source.raise_for_status().json()
    while (now := api.get(f"external_data_sources/{made['id']}/").json())["status"] == "Running":
        time.sleep(0.1)
    assert now["status"] == "Completed", now["latest_error"]
    return made


def _delays(api: httpx.Client, url: str, place: str) -> tuple[list[float], float]:
    """Seconds from commits to the first query that sees them; changes a second that were written meanwhile."""
    writer = _Writer(url, _SECONDS)
    writer.start()
    began, seen, delays = time.perf_counter(), 0, []
    while writer.is_alive() or seen < max(writer.committed):
        ((number,),) = _asked(api, f"select account from {place} and id = 1")
        now = time.perf_counter()
        delays += [now - writer.committed[each] for each in range(seen + 1, number + 1) if each in writer.committed]
        seen = max(seen, number)
        if writer.is_alive():
            rate = writer.rows / (now - began)
        time.sleep(0.01)
    return delays, rate


def _burst(api: httpx.Client, database: psycopg.Connection[Any], place: str) -> float:
    """Changes a second when there are more than can be applied, of which one transaction is most."""
    began = time.perf_counter()
    database.execute(f"UPDATE bench_sync SET paid = NOT paid, note = 'burst' WHERE id > {_ROWS - _BURST}")
    wanted = database.execute("SELECT count(*) FROM bench_sync WHERE note = 'burst'").fetchone()
    assert wanted is not None
    query = f"select count() from {place} and note = 'burst'"
    while _asked(api, query) != [[wanted[0]]]:
        time.sleep(0.05)
    return float(wanted[0] / (time.perf_counter() - began))


def _measured(url: str, key: str, mode: str) -> tuple[list[float], float, float]:
    """Delays, the rate meanwhile and that of one large transaction; both sides are compared at the end."""
    headers = {"Authorization": f"Bearer {key}"}
    base = f"http://127.0.0.1:{_PORT}/api/projects/1/"
    with (
        psycopg.connect(url, autocommit=True) as database,
        httpx.Client(base_url=base, headers=headers, timeout=60) as api,
    ):
        database.execute(MAKE.replace("%s", str(_ROWS)))
        _followed(api, url, mode)
        delays, rate = _delays(api, url, _PLACES[mode])
        most = _burst(api, database, _PLACES[mode])
        theirs = database.execute(_SUMS).fetchone()
        for place in {_PLACES[mode], _PLACES["consolidated" if mode == "both" else mode]}:
            ours = _asked(api, f"select count(), sum(seen), sum(account) from {place}")
            assert ours == [list(theirs or ())], (place, ours, theirs)
    return delays, rate, most


def main() -> None:
    """Follow one table, made into each of what a log can be made into; print how fast."""
    for mode in _PLACES:
        _show(mode)


def _show(mode: str) -> None:
    folder, key, goal = postgres_process.binaries(), token("phx_"), float(_RATE)
    assert folder is not None, "PostgreSQL is not installed"
    place = tempfile.TemporaryDirectory()
    with postgres_process.running(folder) as url, place as home, hedgerow(f"{home}/home", _PORT, key):
        delays, rate, most = _measured(url, key, mode)
    middle, late = statistics.median(delays), statistics.quantiles(delays, n=20)[-1]
    show(
        f"Following a PostgreSQL table of {_ROWS:,} rows × 12 columns: {mode}",
        [
            Measured("changes a second", rate, goal, "/s", ">= 5,000", rate >= goal * 0.97),
            Measured("until a query sees a change, median", middle, 2.0, "s", "<= 2 s", middle <= 2.0),
            Measured("until a query sees a change, p95", late, 2.0, "s", ""),
            Measured("one transaction of 200,000, a second", most, goal, "/s", ">= 5,000", most >= goal),
        ],
    )


if __name__ == "__main__":
    main()
