"""The catalog's memory of saved queries: it takes over what has changed, whatever changed with it."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.kit.ids import uuid7
from hedgerow.store import Store
from hedgerow.views import shelf
from hedgerow.views.memory import ViewMemory

A, B = uuid7(), uuid7()


def change(session: Session, view_id: UUID, **values: Any) -> None:
    shelf.change(session, shelf.get(session, 1, view_id), shelf.lock(session, 1), values)


def known(store: Store, memory: ViewMemory) -> dict[str, str]:
    with store.read() as session:
        return {name: table.id for name, table in memory.contribute(session, 1, {}).items()}


def test_names_that_are_exchanged_freed_and_taken_between_two_looks(sqlite_store: Store) -> None:
    memory = ViewMemory()
    with sqlite_store.write() as session:
        for view_id, name in ((A, "a"), (B, "b")):
            values = {"id": view_id, "name": name, "query": {"kind": "HogQLQuery", "query": "select 1"}, "columns": ()}
            shelf.add(session, 1, shelf.lock(session, 1), values)
    assert known(sqlite_store, memory) == {"a": str(A), "b": str(B)}
    with sqlite_store.write() as session:
        for view_id, name in ((A, "c"), (B, "a"), (A, "b")):
            change(session, view_id, name=name)
    assert known(sqlite_store, memory) == {"a": str(B), "b": str(A)}
    with sqlite_store.write() as session:
        change(session, B, deleted=True)
        change(session, A, name="a")
    assert known(sqlite_store, memory) == {"a": str(A)}
    assert known(sqlite_store, ViewMemory()) == {"a": str(A)}
