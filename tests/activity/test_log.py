"""The activity log on both stores: noted with the deed or not at all, paged newest first, forgotten when old."""

import enum
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from hedgerow.activity import Activity, Change, Chosen, Retention, detail, differences
from hedgerow.activity.rows import ActivityRow
from hedgerow.kit.clock import now
from hedgerow.store import Store

NOBODY = 3


def _note(store: Store, **changed: Any) -> UUID:
    fields = {"project_id": 1, "user_id": 7, "scope": "Thing", "item_id": "a", "activity": "updated"} | changed
    with store.write() as session:
        return Activity().note(session, Change(**fields))


def _page(store: Store, chosen: Chosen, limit: int = 10, offset: int = 0, project_id: int = 1) -> list[UUID]:
    with store.read() as session:
        return [entry.id for entry in Activity().page(session, project_id, chosen, limit, offset)[1]]


def test_a_note_stands_only_with_its_transaction(store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            Activity().note(session, Change(1, 7, "Thing", "a", "created"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _page(store, Chosen()) == []
    noted = _note(store)
    assert _page(store, Chosen()) == [noted]


def test_filters_must_all_hold(store: Store) -> None:
    plain = _note(store)
    other_item, other_scope = _note(store, item_id="b"), _note(store, scope="Other")
    other_user, other_activity = _note(store, user_id=None), _note(store, activity="deleted")
    foreign = _note(store, project_id=2)
    whole = [other_activity, other_user, other_scope, other_item, plain]
    assert _page(store, Chosen()) == whole
    assert _page(store, Chosen(("Thing",), "a", 7, ("updated",))) == [plain]
    assert _page(store, Chosen(("Other", "Absent"))) == [other_scope]
    assert _page(store, Chosen(item_id="b")) == [other_item]
    assert _page(store, Chosen(user_id=NOBODY)) == []
    assert _page(store, Chosen(activities=("deleted",))) == [other_activity]
    assert _page(store, Chosen(), limit=2, offset=1) == whole[1:3]
    assert _page(store, Chosen(), project_id=2) == [foreign]


def test_the_newest_entry_of_an_item_is_known(store: Store) -> None:
    with store.read() as session:
        assert Activity().latest(session, 1, "Thing", "a") is None
    _note(store)
    newest = _note(store)
    _note(store, item_id="b")
    with store.read() as session:
        assert Activity().latest(session, 1, "Thing", "a") == newest


def test_what_is_older_than_the_setting_is_forgotten(store: Store) -> None:
    old, young = _note(store), _note(store)
    with store.write() as session:
        session.execute(update(ActivityRow).where(ActivityRow.id == old).values(created_at=now() - timedelta(days=31)))
    assert Retention(store, 32).sweep() == 0
    assert Retention(store, 30).sweep() == 1
    assert _page(store, Chosen()) == [young]


class Colour(enum.StrEnum):
    RED = "red"


def test_values_are_kept_as_json(store: Store) -> None:
    identifier = UUID(int=5)
    moment = datetime(2026, 1, 31, 9, tzinfo=UTC)
    values = {"id": identifier, "at": moment, "day": date(2026, 1, 31), "c": Colour.RED, "set": {2, 1}, "t": (1, {})}
    changes = differences("Thing", None, values)
    _note(store, detail=detail("n", changes, type="t"))
    with store.read() as session:
        kept = Activity().page(session, 1, Chosen(), 1, 0)[1][0].detail
    assert {change["field"]: change["after"] for change in kept["changes"]} == {
        "id": str(identifier),
        "at": "2026-01-31T09:00:00Z",
        "day": "2026-01-31",
        "c": "red",
        "set": [1, 2],
        "t": [1, {}],
    }
    assert {change["action"] for change in kept["changes"]} == {"created"}
    assert (kept["name"], kept["type"], kept["short_id"]) == ("n", "t", None)


def test_differences_tell_fields_apart_and_hide_secrets() -> None:
    before = {"a": 1, "b": 2, "secret": "x", "gone": 1, "flag": 1}
    after = {"a": 1, "b": 3, "secret": "y", "new": "n", "flag": True}
    assert differences("T", before, after, masked={"secret"}) == [
        {"type": "T", "action": "changed", "field": "b", "before": 2, "after": 3},
        {"type": "T", "action": "changed", "field": "secret", "before": "masked", "after": "masked"},
        {"type": "T", "action": "created", "field": "new", "before": None, "after": "n"},
        {"type": "T", "action": "changed", "field": "flag", "before": 1, "after": True},
        {"type": "T", "action": "deleted", "field": "gone", "before": 1, "after": None},
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(OBJECTS, OBJECTS)
def test_differences_lead_from_before_to_after(before: dict[str, Any], after: dict[str, Any]) -> None:
    walked = dict(before)
    for change in differences("T", before, after):
        assert walked.get(change["field"]) == change["before"]
        walked[change["field"]] = change["after"]
    names = {*before, *after}
    assert {name: walked.get(name) for name in names} == {name: after.get(name) for name in names}
    assert differences("T", after, after) == []
