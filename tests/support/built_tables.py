"""What a real process's metadata store and engine really hold of tables made from queries, and of jobs."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text

INSERTING = "SELECT query FROM system.processes WHERE query_kind = 'Insert'"
Where = str | Path
"""A metadata store: its URL, or the home folder it is in."""


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `true` answers once it answers something."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.03)
    return found


def asked(where: Where, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the metadata store."""
    url = where if isinstance(where, str) else f"sqlite:///{where / 'metadata.sqlite'}"
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(sql))]
    engine.dispose()
    return found


def built(where: Where) -> dict[str, str]:
    """Tables made from queries with their states, by the store."""
    return dict(asked(where, "SELECT physical, state FROM built_tables"))  # type: ignore[arg-type]


def states(where: Where) -> list[str]:
    """The states alone."""
    return sorted(built(where).values())


def busy(where: Where) -> list[tuple[Any, ...]]:
    """Jobs that wait or run."""
    return asked(where, "SELECT kind, subject, state, attempt, error FROM jobs WHERE state IN ('waiting', 'running')")


def embedded_tables(home: Path) -> set[str]:
    """Tables made from queries that the embedded engine of a stopped server has."""
    return {path.stem for path in home.rglob("m_*.sql")}


def server_tables(http_port: int) -> set[str]:
    """The same of a ClickHouse server on this machine."""
    return {row[0] for row in server_rows(http_port, "SELECT name FROM system.tables WHERE name LIKE 'm\\_%'")}


def server_rows(http_port: int, sql: str) -> list[list[Any]]:
    """What a ClickHouse server on this machine answers."""
    answer = httpx.post(f"http://127.0.0.1:{http_port}/", content=f"{sql} FORMAT JSONCompactEachRow", timeout=30)
    assert answer.is_success, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]
