"""A real server that follows a database while that is written to, and that is killed again and again."""

import os
import random
import secrets
import signal
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg

from tests.connectors.postgres_tables import config_of
from tests.sources.following import WAIT, until
from tests.sources.workload import Workload
from tests.support.processes import Server

_KILLS = int(os.environ.get("HEDGEROW_TEST_KILLS", "6"))


class Killed:
    """`start` it, `connect` a source, have it killed, and ask it for rows; `close` it in any case."""

    def __init__(self, home: Path, url: str) -> None:
        self._home, self._url, self._key = home, url, f"phx_{secrets.token_hex(16)}"
        self._stop, self._writer = threading.Event(), threading.Thread(target=self._write)
        self._module, self._server = "hedgerow", cast("Server | None", None)

    def start(self, module: str = "hedgerow", *, write: bool = False) -> None:
        """Start the server, and at once the writer if wanted."""
        self._module = module
        if write:
            self.write()
        self._begin()

    def write(self) -> None:
        """Write to the database from now on, until the kills are over."""
        self._writer.start()

    def connect(self, *schemas: dict[str, Any]) -> None:
        """Make a source that follows these tables."""
        payload = {**config_of(self._url), "cdc_enabled": True, "schemas": list(schemas)}
        body = {"source_type": "Postgres", "payload": payload}
        with closing(self.server.client(self._key)) as client:
            client.post("/api/projects/1/external_data_sources", json=body).raise_for_status()

    def kill_now_and_then(self, after: str = "", shortest: float = 0.2, longest: float = 3.0) -> None:
        """Kill it at random moments, so many seconds after it has begun, or has printed `after`; then nothing is
        written any more."""
        chance = random.Random(7)
        for _ in range(_KILLS):
            until(lambda: after in self.server.log)
            time.sleep(chance.uniform(shortest, longest))
            self.server.process.send_signal(signal.SIGKILL)
            self.server.process.wait()
            self._begin()
        self._rest()

    def rows(self, query: str) -> Any:
        """What a query answers now; nothing when it fails."""
        body = {"query": {"kind": "HogQLQuery", "query": query}}
        with closing(self.server.client(self._key)) as client:
            answer = client.post("/api/projects/1/query", json=body)
        return answer.json()["results"] if answer.is_success else []

    def close(self) -> None:
        """End whatever goes on."""
        self._rest()
        if self._server is not None:
            self._server.stop()

    @property
    def log(self) -> str:
        """What all its processes have printed."""
        return "".join(path.read_text() for path in self._home.parent.glob(f"{self._home.name}.serve.*.log"))

    @property
    def server(self) -> Server:
        assert self._server is not None
        return self._server

    # --- inside

    def _begin(self) -> None:
        environment = {"HEDGEROW_BOOTSTRAP_KEY": self._key, "HEDGEROW_THROTTLE": "false"}
        self._server = Server(self._home, environment, [self._module])
        self._server.await_ready(WAIT)

    def _rest(self) -> None:
        self._stop.set()
        if self._writer.is_alive():
            self._writer.join()

    def _write(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            work = Workload(connection, 11)
            while not self._stop.wait(0.01):
                work.step()
