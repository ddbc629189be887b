"""Files of a bucket through a real process: synced file by file, whenever it is killed."""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.sources.breaking_off import ANEW, GONE_ON, OFTEN, kept, killed
from tests.acceptance.sources.conftest import SETTINGS, Client, running, whole
from tests.support.buckets import Bucket
from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_CUT = int(os.environ.get("HEDGEROW_TEST_KILLED_FILE_SYNCS", "4"))
"""So many syncs are broken off by kills before the rows are compared."""
_LINES = 2_000


def _config(bucket: Bucket) -> dict[str, Any]:
    keys = {"access_key": bucket.credential["access_key"], "secret_key": bucket.credential["access_secret"]}
    return {"url": f"s3://{bucket.name}", "endpoint": bucket.server, **keys}


def _by_file(table: str, sync_type: str) -> dict[str, Any]:
    cursor = {"incremental_field": "_file_modified", "incremental_field_type": "datetime"}
    return {"name": table, "should_sync": True, "sync_type": sync_type, **cursor}


def _put(bucket: Bucket, table: str, number: int) -> None:
    rows = (f"{number * _LINES + line},word {line}\n" for line in range(_LINES))
    bucket.put(f"{table}/{number:03}.csv", f"id,word\n{''.join(rows)}")


def test_files_are_neither_lost_nor_doubled_by_kills(bucket: Bucket, tmp_path: Path) -> None:
    home, chance, files = tmp_path / "home", random.Random(), 3
    tables = {"added": "append", "changed": "incremental", "whole": "full_refresh"}
    for table in tables:
        for number in range(files):
            _put(bucket, table, number)
    wishes = [_by_file(table, kind) if kind != "full_refresh" else whole(table) for table, kind in tables.items()]
    with start_server(home, SETTINGS) as server, Client.of(server) as client:
        began = time.monotonic()
        source = client.add("AmazonS3", _config(bucket), *wishes)
        assert client.settled(source)["status"] == "Completed"
        lasts = time.monotonic() - began
    cut = kills = 0
    while cut < _CUT:
        kills += 1
        assert kills < 10 * _CUT, f"only {cut} of {kills} kills met a sync"
        for table in tables:
            _put(bucket, table, files)
        files += 1
        with start_server(home, SETTINGS) as server, Client.of(server) as client:
            client.settled(source)
            for table in tables:
                client.act(source, table)
            time.sleep(chance.uniform(0, lasts))
            server.stop(signal.SIGKILL)
        cut += running(home)
    bucket.put("changed/000.csv", "id,word\n0,new\n")
    with start_server(home, SETTINGS) as server, Client.of(server) as client:
        client.settled(source)
        for table in tables:
            client.act(source, table)
        found = client.settled(source)
        assert (found["status"], found["latest_error"]) == ("Completed", None)
        wanted = files * _LINES
        for table in ("added", "whole"):
            told = client.rows(source, table, "count(), uniqExact(id), max(id), uniqExact(_file)", "1")
            assert told == [[wanted, wanted, wanted - 1, files]], table
        left = wanted - _LINES + 1
        assert client.rows(source, "changed", "count(), uniqExact(id), countIf(word = 'new')", "1") == [[left, left, 1]]
        runs = client.runs(source, "added")
        assert (runs[0]["status"], runs[0]["latest_error"]) == ("Completed", None)


@pytest.mark.parametrize("kind", ["append", "incremental", "full_refresh"])
def test_a_first_load_goes_on_behind_its_last_whole_file(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    home, files, source = tmp_path / "home", 0, ""
    for number in range(1, 4):
        for _ in range(60 if number == 1 else 3):
            _put(bucket, "things", files)
            files += 1
        with start_server(home, OFTEN) as server, Client.of(server) as client:
            wish = whole("things") if kind == "full_refresh" else _by_file("things", kind)
            source = source or client.add("AmazonS3", _config(bucket), wish)
            killed(server, home, places=4 * number)
    with start_server(home, OFTEN) as server, Client.of(server) as client:
        found = client.settled(source)
        assert (found["status"], found["latest_error"]) == ("Completed", None)
        assert GONE_ON in server.log
        assert ANEW not in server.log
        wanted = files * _LINES
        told = client.rows(source, "things", "count(), uniqExact(id), max(id), uniqExact(_file)", "1")
        assert told == [[wanted, wanted, wanted - 1, files]]
        assert kept(home) == []
