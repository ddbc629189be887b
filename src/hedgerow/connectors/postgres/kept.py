"""A connection that has found a table waits a moment for who reads it: to connect anew takes longer than to look."""

import hashlib
import json
import select
import threading
from contextlib import ExitStack
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from hedgerow.connectors.base import Config

# From finding to reading. Whoever else comes logs in: a changed password, or a host no longer allowed, counts at once.
_SECONDS = 2.0


class Kept:
    """At most one connection for each login, with the way to it; whoever takes it is its only user."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[psycopg.Connection[Any], ExitStack, threading.Timer]] = {}

    def put(self, config: Config, connection: psycopg.Connection[Any], held: ExitStack) -> None:
        """Keep a connection that nobody uses any more. `held` closes it, after the time or when it is not wanted."""
        login = _login(config)
        timer = threading.Timer(self._seconds, self._end, (login, connection))
        timer.daemon = True
        with self._lock:
            wanted = _idle(connection) and login not in self._waiting
            if wanted:
                self._waiting[login] = connection, held, timer
        if wanted:
            timer.start()
        else:
            held.close()

    def take(self, config: Config) -> tuple[psycopg.Connection[Any], ExitStack] | None:
        """A connection that still stands, and what closes it."""
        with self._lock:
            found = self._waiting.pop(_login(config), None)
        if found is None:
            return None
        connection, held, timer = found
        timer.cancel()
        if _idle(connection):
            return connection, held
        held.close()
        return None

    def _end(self, login: str, connection: psycopg.Connection[Any]) -> None:
        with self._lock:
            found = self._waiting.get(login)
            if found is None or found[0] is not connection:
                return
            del self._waiting[login]
        found[1].close()


def _login(config: Config) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()


def _idle(connection: psycopg.Connection[Any]) -> bool:
    """Whether it is between statements, and the server has said nothing since: not even that it ends."""
    if connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
        return False
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    return not heard.poll(0)
