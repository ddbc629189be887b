"""Catalogs: what is in them, who adds to them, and how soon they know."""

import asyncio

import pytest
from sqlalchemy.orm import Session

from hedgerow.kit.outgoing import OutgoingGuard
from hedgerow.language.query.catalog import Catalog, FunctionTable, PhysicalTable, Table, TableColumn
from hedgerow.store import Secrets, Store
from hedgerow.warehouse.catalog import Address, Catalogs, reading
from hedgerow.warehouse.records import KeptColumn, Keys
from hedgerow.warehouse.shelf import Shelf

COLUMNS = (KeptColumn("id", "Nullable(Int64)", "integer"), KeptColumn("a `b", "String", "string"))


def made(store: Store, contributors: tuple[object, ...] = ()) -> tuple[Shelf, Catalogs]:
    shelf = Shelf(Secrets(["key"]))
    return shelf, Catalogs(store, shelf, OutgoingGuard(allow_private=True), contributors)  # type: ignore[arg-type]


def add(store: Store, shelf: Shelf, name: str, project: int = 1) -> None:
    with store.write() as session:
        shelf.add(session, project, {"name": name, "format": "CSV", "columns": COLUMNS, "physical": f"t_{name}"})


def fetch(catalogs: Catalogs, project: int = 1) -> Catalog:
    return asyncio.run(catalogs.fetch(project))


def test_uploaded_tables_are_physical_ones_of_the_projects_database(sqlite_store: Store) -> None:
    shelf, catalogs = made(sqlite_store)
    add(sqlite_store, shelf, "t")
    catalog = fetch(catalogs)
    assert (catalog.project_id, catalog.database, set(catalog.tables)) == (1, "p1", {"t"})
    assert catalog.tables["t"].backing == PhysicalTable("p1", "t_t")
    assert catalog.tables["t"].columns == (
        TableColumn("id", "Nullable(Int64)", "id"),
        TableColumn("a `b", "String", "a `b"),
    )
    assert fetch(catalogs, 2).tables == {}


def test_linked_tables_carry_their_keys_and_columns(sqlite_store: Store) -> None:
    shelf, catalogs = made(sqlite_store)
    with sqlite_store.write() as session:
        kept = shelf.add_keys(session, 1, 1, Keys("key", "secret"))
        url = "https://example.com/b/*.csv"
        linked = {"name": "t", "format": "CSV", "columns": COLUMNS, "url_pattern": url, "credential_id": kept}
        shelf.add(session, 1, linked)
    structure = "`id` Nullable(Int64), `a \\`b` String"
    assert fetch(catalogs).tables["t"].backing == FunctionTable("s3", (url, "key", "secret", "CSV"), structure)


def test_reading_by_format() -> None:
    keys = Keys("k", "s")
    assert reading(Address("u", "Parquet"), keys) == FunctionTable("s3", ("u", "k", "s", "Parquet"))
    assert reading(Address("u", "Delta"), keys) == FunctionTable("deltaLake", ("u", "k", "s"))
    assert reading(Address("u", "DeltaS3Wrapper"), keys, "a Int8") == FunctionTable(
        "deltaLake", ("u", "k", "s", "Parquet"), "a Int8"
    )
    assert reading(Address("u", "Iceberg"), keys, "a Int8") == FunctionTable("iceberg", ("u", "k", "s"))


def test_a_catalog_is_one_object_until_something_changes(sqlite_store: Store) -> None:
    shelf, catalogs = made(sqlite_store)
    add(sqlite_store, shelf, "t")
    first = fetch(catalogs)
    catalogs.forget(1)
    assert fetch(catalogs) == first
    again = fetch(catalogs)
    assert fetch(catalogs) is again
    add(sqlite_store, shelf, "u")
    catalogs.forget(1)
    assert set(fetch(catalogs).tables) == {"t", "u"}


def test_another_process_knows_within_a_second(sqlite_store: Store) -> None:
    shelf, mine = made(sqlite_store)
    _, theirs = made(sqlite_store)
    fetch(theirs)
    add(sqlite_store, shelf, "t")
    mine.forget(1)
    assert "t" in fetch(mine).tables

    async def wait_for_theirs() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while "t" not in (await theirs.fetch(1)).tables:
            await asyncio.sleep(0.05)
            assert loop.time() - began < 3
        return loop.time() - began

    assert asyncio.run(wait_for_theirs()) < 1.5


@pytest.mark.parametrize("project", [1, 2])
def test_other_rooms_add_tables(sqlite_store: Store, project: int) -> None:
    def views(_session: Session, asked: int, _tables: object) -> dict[str, Table]:
        name = f"view_of_{asked}"
        return {name: Table(name, PhysicalTable(f"p{asked}", "v_1"), kind="view")}

    shelf, catalogs = made(sqlite_store, (views,))
    add(sqlite_store, shelf, "t", project)
    assert set(fetch(catalogs, project).tables) == {"t", f"view_of_{project}"}
