"""Saved queries of a real process in short words, and what its metadata store and its engine really hold."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text

PROJECT = "/api/projects/1"
VIEWS = f"{PROJECT}/warehouse_saved_queries"
COUNTED = (
    "select count() as n from numbers(1000000000000) where number < (select max(n) from t) and sipHash64(number) != 1"
)
"""A query over table `t` that takes as long as `t` says: `few` rows are counted at once, `endless` ones never."""
FEW, ENDLESS = 3, 1_000_000_000_000


def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `true` answers once it answers something."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it was never seen"
        time.sleep(0.03)
    return found


def never(true: Callable[[], Any], seconds: float) -> None:
    """It stays false for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not true()
        time.sleep(0.03)


class Desk:
    """Asks for things, and fails where they are refused."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def upload(self, name: str, content: bytes) -> str:
        """A table, or its new content; its id."""
        files = {"file": ("t.csv", content)}
        return str(self._json("POST", f"{PROJECT}/warehouse_tables/file", data={"name": name}, files=files)["id"])

    def count_to(self, most: int) -> None:
        """What views over `COUNTED` count to from now on."""
        self.upload("t", b"id,n\n1,%d\n" % most)

    def save(self, name: str, query: str, **more: Any) -> str:
        """A view; its id."""
        body = {"name": name, "query": {"kind": "HogQLQuery", "query": query}, **more}
        return str(self._json("POST", VIEWS, json=body)["id"])

    def change(self, view: str, query: str) -> None:
        """Another text."""
        body = {"query": {"kind": "HogQLQuery", "query": query}, "soft_update": True}
        self._json("PATCH", f"{VIEWS}/{view}", json=body)

    def check(self, view: str, **said: Any) -> None:
        """A data check on a view."""
        self._json("POST", f"{VIEWS}/{view}/data_checks", json=said)

    def run(self, *views: str) -> None:
        """Make views into tables, in one wave."""
        self._json("POST", f"{VIEWS}/run", json={"view_ids": views})

    def made(self, name: str, query: str) -> str:
        """A view that has been made into a table; its id."""
        view = self.save(name, query)
        self.run(view)
        self.ends(view, "Completed")
        return view

    def cancel(self, view: str) -> None:
        """End a view's run."""
        self._json("POST", f"{VIEWS}/{view}/cancel")

    def get(self, view: str) -> dict[str, Any]:
        """A view as the API has it."""
        found: dict[str, Any] = self._json("GET", f"{VIEWS}/{view}")
        return found

    def builds(self, store: str | Path, count: int = 1) -> None:
        """Wait until so many tables are being built."""
        until(lambda: states(store).count("building") == count)

    def ends(self, view: str, status: str, seconds: float = 60.0) -> dict[str, Any]:
        """The last run of a view, once it has ended; it has ended so."""
        run: dict[str, Any] = until(
            lambda: (r := self.history(view)[0])["status"] not in {"Waiting", "Running"} and r, seconds
        )
        assert run["status"] == status, run
        return run

    def history(self, view: str) -> list[dict[str, Any]]:
        """Its runs, newest first."""
        found: list[dict[str, Any]] = self._json("GET", f"{VIEWS}/{view}/run_history?limit=100")["run_history"]
        return found

    def rows(self, query: str) -> list[list[Any]]:
        """What a query answers."""
        body = {"query": {"kind": "HogQLQuery", "query": query}}
        found: list[list[Any]] = self._json("POST", f"{PROJECT}/query", json=body)["results"]
        return found

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def built(store: str | Path) -> list[tuple[str, str]]:
    """Tables made from queries with their states, by the metadata store at that URL or in that home folder."""
    url = store if isinstance(store, str) else f"sqlite:///{store / 'metadata.sqlite'}"
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = [
            (str(name), str(state))
            for name, state in connection.execute(text("SELECT physical, state FROM built_tables"))
        ]
    engine.dispose()
    return sorted(found)


def states(store: str | Path) -> list[str]:
    """The states alone."""
    return sorted(state for _, state in built(store))


def engine_tables(home: Path) -> Sequence[str]:
    """Tables made from queries that the embedded engine of a stopped server has."""
    return sorted(path.stem for path in home.rglob("m_*.sql"))
