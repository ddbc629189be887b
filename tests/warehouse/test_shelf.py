"""Rows of tables on both stores: names, credentials, other rooms' claims."""

import threading
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from hedgerow.kit.errors import NotFound
from hedgerow.store import Secrets, Store
from hedgerow.store.revisions import current
from hedgerow.warehouse.errors import NameTaken
from hedgerow.warehouse.records import KeptColumn, Keys
from hedgerow.warehouse.shelf import Shelf, subject


def values(name: str, **more: Any) -> dict[str, Any]:
    columns = (KeptColumn("id", "Nullable(Int64)", "integer"), KeptColumn("a.b c", "String", "string", valid=False))
    return {"name": name, "format": "CSV", "columns": columns, **more}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(Secrets(["key"]))


def test_what_is_added_is_found_as_it_was(store: Store, shelf: Shelf) -> None:
    with store.write() as session:
        added = shelf.add(session, 1, values("t", options={"a": [1]}, physical="t_1", size_bytes=5_000_000_000))
    with store.read() as session:
        assert shelf.get(session, 1, added.id) == shelf.named(session, 1, "t") == added
        assert shelf.live(session, 1) == [added]
        assert shelf.live(session, 2) == []
        with pytest.raises(NotFound):
            shelf.get(session, 2, added.id)
    assert [(c.name, c.valid) for c in added.columns] == [("id", True), ("a.b c", False)]


def test_every_change_moves_the_revision(store: Store, shelf: Shelf) -> None:
    seen = []
    with store.write() as session:
        table = shelf.add(session, 1, values("t"))
        seen.append(current(session, subject(1)))
    with store.write() as session:
        shelf.change(session, 1, table.id, {"name": "u"})
        seen.append(current(session, subject(1)))
        assert current(session, subject(2)) == 0
    assert seen == sorted(set(seen))


def test_a_name_is_held_once_among_live_tables(store: Store, shelf: Shelf) -> None:
    with store.write() as session:
        first = shelf.add(session, 1, values("t"))
        shelf.add(session, 2, values("t"))
        shelf.add(session, 1, values("T"))
    with pytest.raises(IntegrityError), store.write() as session:
        shelf.add(session, 1, values("t"))
    with store.write() as session:
        with pytest.raises(NameTaken):
            shelf.check_name(session, 1, "t")
        shelf.check_name(session, 1, "t", own=first.id)
        shelf.change(session, 1, first.id, {"deleted": True})
        shelf.check_name(session, 1, "t")
        assert shelf.add(session, 1, values("t")).id != first.id


def test_of_many_at_once_one_gets_the_name(store: Store, shelf: Shelf) -> None:
    won: list[bool] = []

    def add() -> None:
        try:
            with store.write() as session:
                shelf.check_name(session, 1, "t")
                shelf.add(session, 1, values("t"))
            won.append(True)
        except (NameTaken, IntegrityError):
            won.append(False)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_credentials_come_back_from_encrypted_rows(store: Store, shelf: Shelf) -> None:
    with store.write() as session:
        kept = shelf.add_keys(session, 1, 7, Keys("the key", "the secret"))
        table = shelf.add(session, 1, values("t", credential_id=kept))
        raw = session.connection().exec_driver_sql("SELECT access_key, access_secret FROM warehouse_credentials").one()
        assert shelf.keys(session, [kept]) == {kept: Keys("the key", "the secret")}
        assert not {"the key", "the secret"} & set(raw)
        assert table.credential is not None
        assert (table.credential.id, table.credential.created_by) == (kept, 7)
        shelf.drop_keys(session, kept)
        assert shelf.keys(session, [kept]) == {}


def test_names_of_other_rooms_count(store: Store) -> None:
    shelf = Shelf(Secrets(["key"]), taken=[lambda _session, project, name: (project, name) == (1, "view")])
    with store.read() as session:
        with pytest.raises(NameTaken):
            shelf.check_name(session, 1, "view")
        shelf.check_name(session, 2, "view")


def test_claims_are_those_of_live_rows(store: Store, shelf: Shelf) -> None:
    with store.write() as session:
        shelf.add(session, 1, values("t", physical="t_1", file_key="p1/a"))
        gone = shelf.add(session, 1, values("u", physical="t_2", file_key="p1/b"))
        shelf.add(session, 2, values("linked"))
        shelf.change(session, 1, gone.id, {"deleted": True})
        assert shelf.claims(session) == ({1: {"t_1"}, 2: set()}, {"p1/a"})


def test_search_takes_signs_as_they_are(store: Store, shelf: Shelf) -> None:
    with store.write() as session:
        for name in ("a_b", "axb", "Sales_2026"):
            shelf.add(session, 1, values(name))
        found = {
            search: [table.name for table in shelf.page(session, 1, search, 10, 0)[1]]
            for search in ("a_b", "SALES", "%", "", "2026 sales", "\x00")
        }
    everything = ["Sales_2026", "axb", "a_b"]
    assert found == {
        "a_b": ["a_b"],
        "SALES": ["Sales_2026"],
        "%": [],
        "": everything,
        "2026 sales": ["Sales_2026"],
        "\x00": everything,
    }
