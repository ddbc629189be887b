"""10,000 saved queries in a project: pages, creating, lineage, the catalog; and views nested 50 deep.

Each figure is beside its target, a ceiling in milliseconds.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import insert

from bench.table import Measured, show
from hedgerow.app import House, build
from hedgerow.kit.clock import now
from hedgerow.kit.ids import token, uuid7
from hedgerow.kit.settings import Settings
from hedgerow.language.query.pipeline import compile_query
from hedgerow.views import shelf
from hedgerow.views.rows import EdgeRow, ViewRow
from hedgerow.views.texts.preparing import WHOLE

_VIEWS = 10_000
_ROUNDS = 21
_PROJECT = "/api/projects/1"
_COLUMNS = [{"name": n, "clickhouse": "Nullable(Int64)", "hogql": "integer", "valid": True} for n in ("a", "b", "c")]


def main() -> None:
    """Fill a project, then measure."""
    asyncio.run(_measured())


async def _measured() -> None:
    key = token("phx_")
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"home": Path(folder, "home"), "throttle": False, "port": 0, "bootstrap_key": key}
        app = build(Settings(**chosen))  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {key}"}
        async with app.router.lifespan_context(app):
            transport = ASGITransport(app=app)
            async with AsyncClient(transport=transport, base_url="http://bench", headers=headers) as client:
                await _report(app, client)


async def _report(app: FastAPI, client: AsyncClient) -> None:
    house: House = app.state.house
    files = {"file": ("base.csv", b"a,b,c\n1,2,3\n", "text/csv")}
    (await client.post(f"{_PROJECT}/warehouse_tables/file", data={"name": "base"}, files=files)).raise_for_status()
    deepest = await asyncio.to_thread(_fill, house)
    await house.warehouse.catalogs.fetch(1)
    names = iter(range(1_000_000))

    async def page() -> None:
        (await client.get(f"{_PROJECT}/warehouse_saved_queries")).raise_for_status()

    async def create() -> None:
        body = {"name": f"new_{next(names)}", "query": _query("select a, sum(b) as b from v7 group by a")}
        (await client.post(f"{_PROJECT}/warehouse_saved_queries", json=body)).raise_for_status()

    async def ancestors() -> None:
        (await client.post(f"{_PROJECT}/warehouse_saved_queries/{deepest}/ancestors")).raise_for_status()

    async def catalog() -> None:
        found = await house.warehouse.catalogs.fetch(1)
        compile_query("select * from v1, v2, v3", found, WHOLE)

    async def changed() -> None:
        def touch() -> None:
            with house.store.write() as session:
                view = shelf.named(session, 1, ["v9"])["v9"]
                shelf.change(session, view, shelf.lock(session, 1), {"status": None})

        await asyncio.to_thread(touch)
        house.warehouse.catalogs.forget(1)

    async def nested() -> None:
        found = await house.warehouse.catalogs.fetch(1)
        compile_query("select * from deep50", found, WHOLE)

    await catalog()
    rows = [
        ("a page of 1,000 of 10,000", await _middle(page), 200.0),
        ("creating one of 10,000", await _middle(create), 20.0),
        ("ancestors of a view 50 deep", await _middle(ancestors), 20.0),
        ("catalog and compiling, 3 views of 10,000", await _middle(catalog), 5.0),
        ("the same just after one has changed", await _middle(catalog, changed), 5.0),
        ("compiling a view nested 50 deep", await _middle(nested), 20.0),
    ]
    measured = [Measured(f"{name}; ceiling", took, ceiling, "ms", "≤ 1.0") for name, took, ceiling in rows]
    show("10,000 saved queries in a project", measured)


def _fill(house: House) -> str:
    """10,000 views over one table, and a chain of 51; the id of its end."""
    ids = [uuid7() for _ in range(_VIEWS)]
    rows = [_row(each, f"v{n}", f"select a, b, c + {n} as c from base where a > {n % 9}") for n, each in enumerate(ids)]
    edges = [{"child_id": each, "parent": "base", "project_id": 1} for each in ids]
    chain = [uuid7() for _ in range(51)]
    for depth, each in enumerate(chain):
        parent = f"deep{depth - 1}" if depth else "base"
        rows.append(_row(each, f"deep{depth}", f"select a, b, c from {parent} where a > 0"))
        edges.append({"child_id": each, "parent": parent, "project_id": 1})
    with house.store.write() as session:
        sequence = shelf.lock(session, 1)
        session.execute(insert(ViewRow), [{**row, "sequence": sequence} for row in rows])
        session.execute(insert(EdgeRow), edges)
    house.warehouse.catalogs.forget(1)
    return str(chain[-1])


def _row(view_id: object, name: str, text: str) -> dict[str, object]:
    plain = {"origin": "data_warehouse", "deleted": False, "is_materialized": False, "created_at": now()}
    found = {"project_id": 1, "id": view_id, "name": name, "query": _query(text), "columns": _COLUMNS}
    return {**found, "revision": uuid4(), "created_by": 1, **plain}


def _query(text: str) -> dict[str, str]:
    return {"kind": "HogQLQuery", "query": text}


async def _middle(act: Callable[[], Awaitable[None]], before: Callable[[], Awaitable[None]] | None = None) -> float:
    """The median of some rounds, milliseconds."""
    took = []
    for _ in range(_ROUNDS):
        if before is not None:
            await before()
        began = time.perf_counter()
        await act()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)
