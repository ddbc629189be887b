"""Rows of endpoints, on both stores."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from hedgerow.endpoints import shelf
from hedgerow.endpoints.errors import NameTaken
from hedgerow.endpoints.records import Endpoint, Prepared, Wishes
from hedgerow.kit.clock import now
from hedgerow.kit.errors import NotFound
from hedgerow.store import Store, revisions


def _query(number: int) -> Prepared:
    return Prepared({"query": f"select {number}"}, [{"name": "x", "type": "integer"}])


def _add(store: Store, name: str = "e", project_id: int = 1) -> Endpoint:
    with store.write() as session:
        return shelf.add(session, project_id, 7, name, Wishes({"tags": ["t"]}, {"description": "d"}, _query(1)))


def test_what_is_added_is_found(store: Store) -> None:
    made = _add(store)
    with store.read() as session:
        found = shelf.find(session, 1, "e")
    assert found == made
    assert found is not None
    assert (found.current_version, found.version.number, found.version.description) == (1, 1, "d")
    assert found.version.columns == [{"name": "x", "type": "integer"}]


def test_a_name_is_taken_until_it_is_deleted(store: Store) -> None:
    _add(store)
    with pytest.raises(NameTaken):
        _add(store)
    _add(store, project_id=2)
    with store.write() as session:
        shelf.delete(session, 1, "e")
    with store.read() as session, pytest.raises(NotFound):
        shelf.find(session, 1, "e")
    assert _add(store).current_version == 1


def test_many_changes_at_once_lose_nothing(store: Store) -> None:
    _add(store)

    def change(number: int) -> int:
        with store.write() as session:
            endpoint, made = shelf.change(session, 1, 7, ("e", None), Wishes(query=_query(number)))
        assert made
        return endpoint.version.number

    with ThreadPoolExecutor(6) as pool:
        numbers = sorted(pool.map(change, range(2, 14)))
    assert numbers == list(range(2, 14))
    with store.read() as session:
        count, found = shelf.versions(session, 1, "e", {}, 100, 0)
    assert count == 13
    assert {v.version.query["query"] for v in found} == {f"select {n}" for n in range(1, 14)}


def test_every_change_counts_a_revision(store: Store) -> None:
    def revision() -> int:
        with store.read() as session:
            return revisions.current(session, shelf.subject(1))

    _add(store)
    first = revision()
    with store.write() as session:
        shelf.change(session, 1, 7, ("e", 1), Wishes(version={"is_active": False}))
    second = revision()
    with store.write() as session:
        shelf.delete(session, 1, "e")
    assert 0 < first < second < revision()


def test_executions_are_written_apart(store: Store) -> None:
    made = _add(store)
    at, apart = now(), timedelta(minutes=30)

    def note(moment: timedelta) -> object:
        with store.write() as session:
            shelf.note_executions(session, [(made.id, made.version.id, at + moment)], apart)
        with store.read() as session:
            found = shelf.find(session, 1, "e")
            assert found is not None
            assert found.last_executed_at == found.version.last_executed_at
            assert shelf.last_executions(session, 1, ["e", "other"]) == {"e": found.last_executed_at}
            assert found.updated_at == made.updated_at
            return found.last_executed_at

    assert note(timedelta()) == at
    assert note(timedelta(minutes=29)) == at
    assert note(timedelta(minutes=31)) == at + timedelta(minutes=31)
    assert note(timedelta(minutes=5)) == at + timedelta(minutes=31)


def test_very_many_names_are_looked_up(store: Store) -> None:
    with store.read() as session:
        assert shelf.last_executions(session, 1, [f"n{n}" for n in range(40_000)]) == {}
