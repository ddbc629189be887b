"""Servers that are killed in the middle of a first load, and what they have written down of it."""

import signal
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.acceptance.sources.conftest import SETTINGS
from tests.support.processes import Server

OFTEN = {**SETTINGS, "HEDGEROW_SOURCE_CHECKPOINT_SECONDS": "0", "HEDGEROW_JOB_LEASE": "5"}
GONE_ON, ANEW = "sync goes on", "sync begins anew"


def kept(home: Path) -> list[Mapping[str, Any]]:
    """The places that are written down."""
    with closing(sqlite3.connect(home / "metadata.sqlite")) as store:
        store.row_factory = sqlite3.Row
        return [dict(row) for row in store.execute("SELECT * FROM external_data_checkpoints")]


def killed(server: Server, home: Path, *, places: int = 1) -> None:
    """Kill the server as soon as so many places were written down."""
    seen: set[str] = set()

    def enough() -> bool:
        seen.update(found["place"] for found in kept(home))
        return len(seen) >= places

    end = time.monotonic() + 60
    while not enough():
        assert time.monotonic() < end, server.log[-3000:]
        time.sleep(0.002)
    server.stop(signal.SIGKILL)
