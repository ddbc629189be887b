"""Fixtures for the whole application in this process.

`api` is a synchronous client: tests that use it are plain functions.

    def test_variables_start_empty(api: Api) -> None:
        answer = api.get("/insight_variables")             # relative to /api/projects/{id}; "/api/…" stays as it is
        assert answer.status_code == 200, answer.text      # an httpx.Response
        api.project_id, api.key, api.app, api.settings     # its own fresh project, a full-scope key, the FastAPI app
        api.house                                          # what is open: store, engine, cache, files, accounts
        reader = api.with_key(api.make_key(["insight_variable:read"]))   # the same client with another key
        nobody = api.with_key(None)                        # without credentials
        limited = api.make_key(["*"], projects=[999])
        other = api.other_project()                        # a client with the same key, on a second project
        api.get("/api/environments/@current/query")        # the other mount
        api.call(house.engine.ready)                       # run an async function on the application's event loop

`make_app(**settings)` builds further applications on stores of their own, with settings changed.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from hedgerow.accounts import keys
from hedgerow.accounts.rows import KeyRow
from hedgerow.app import House, build, open_store
from hedgerow.engine.base import Engine
from hedgerow.kit.settings import Settings
from hedgerow.store import Store
from tests.support.in_process import InProcess, running

# Applications share the engine, and a project's database is named by its id: no id is used twice.
_bases = itertools.count(1_000, 1_000)


@dataclass(frozen=True)
class Api:
    """A client of one running application, with a key and a project."""

    server: InProcess
    project_id: int
    key: str | None

    @property
    def app(self) -> FastAPI:
        return self.server.app

    @property
    def house(self) -> House:
        house: House = self.app.state.house
        return house

    @property
    def settings(self) -> Settings:
        return self.house.settings

    def url(self, path: str) -> str:
        """Paths of the project's own resources begin at its mount; those under `/api` and the server's stay."""
        whole = path.startswith(("/api", "/public", "http")) or path.rstrip("/") in {
            "",
            "/healthz",
            "/readyz",
            "/metrics",
        }
        return path if whole else f"/api/projects/{self.project_id}{path}"

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", None) or {})
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        return self.server.request(method, self.url(path), headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run an async function on the application's own event loop."""
        return self.server.call(function, *arguments)

    def make_key(self, scopes: Sequence[str] | None, projects: Sequence[int] | None = None) -> str:
        """A further key of the same user. `None` scopes are everything; projects need not exist."""
        with self.house.store.write() as session:
            owner = keys.owner(session, self.app.state.test_key)
            assert owner is not None
            made, value = keys.create(session, owner[1].id, keys.KeyWishes("test", scopes))
            if projects is not None:
                # Not through the wishes, which refuse projects that do not exist.
                session.get_one(KeyRow, made.id).scoped_projects = list(projects)
        return value

    def with_key(self, key: str | None) -> "Api":
        """The same with another key, or with none."""
        return replace(self, key=key)

    def other_project(self) -> "Api":
        """The same on a new project of the same organization."""
        made = self.post("/api/projects", json={"name": "Other"})
        assert made.status_code == 201, made.text
        return replace(self, project_id=made.json()["id"])


MakeApi = Callable[..., Api]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in a file that is up to date: to copy it and look takes some 6 ms, its migrations 200."""
    path = tmp_path_factory.mktemp("migrated") / "metadata.sqlite"
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.dispose()
    return path


@pytest.fixture
def make_app(tmp_path: Path, chdb_engine: Engine, migrated: Path) -> Iterator[MakeApi]:
    """`make_app(**settings)` runs an application on a store of its own; the embedded engine is shared by all tests."""
    with ExitStack() as stack:
        numbers = itertools.count(1)

        def make(**settings: Any) -> Api:
            home = tmp_path / f"home{next(numbers)}"
            chosen = Settings(**{"home": home, "throttle": False, "port": 0} | settings)
            base = next(_bases)
            _number_projects_from(chosen, base, migrated)
            app = build(chosen, chdb_engine)
            server = stack.enter_context(running(app))
            app.state.test_key = app.state.first_key or chosen.bootstrap_key.get_secret_value()
            return Api(server, base + 1, app.state.test_key)

        yield make


def _number_projects_from(settings: Settings, base: int, migrated: Path) -> None:
    settings.home_path.mkdir(parents=True, exist_ok=True)
    store = open_store(settings)
    if store.is_sqlite and not (file := Path(store.engine.url.database or "")).exists():
        shutil.copy(migrated, file)
    store.migrate()
    with store.write() as session:
        if store.is_sqlite:
            session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('projects', :base)"), {"base": base})
        else:
            session.execute(text("SELECT setval(pg_get_serial_sequence('projects', 'id'), :base)"), {"base": base})
    store.dispose()


@pytest.fixture
def api(make_app: MakeApi) -> Api:
    """A client with a full-scope key, on a project of its own."""
    return make_app()
