"""What is noted of one deed, and how the changed fields of an object are told apart."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from hedgerow.kit.clock import iso

_MASK = "masked"


@dataclass(frozen=True, slots=True)
class Change:
    """One deed. `user_id` is `None` for what Hedgerow did by itself; `detail` is made by `detail()`.

    `scope` is the kind of the object (`Endpoint`, `DataWarehouseSavedQuery`, …), `item_id` its id as text, and
    `activity` what was done: `created`, `updated`, `deleted`, or a word of the room's own.
    """

    project_id: int
    user_id: int | None
    scope: str
    item_id: str
    activity: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def detail(name: str | None, changes: Sequence[Mapping[str, Any]] = (), **more: Any) -> dict[str, Any]:
    """A change's detail in the API's shape; `more` is `type`, `short_id`, `trigger`, `context`, ….

    `name` is what the object is called; `changes` come from `differences()`.
    """
    whole = {"id": None, "name": name, "short_id": None, "type": None, "trigger": None, "merge": None}
    return {**whole, "changes": [dict(change) for change in changes], **more}


def differences(
    scope: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    *,
    masked: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The fields whose values differ, in the order of `after`, as `{type, action, field, before, after}`.

    A field that is absent counts as null. `before` is `None` for an object that is made, `after` for one that is
    gone. The values of `masked` fields are secrets: that they changed is told, not what they are.
    """
    old, new = before or {}, after or {}
    found = []
    for name in [*new, *(name for name in old if name not in new)]:
        was, became = plain(old.get(name)), plain(new.get(name))
        if _same(was, became):
            continue
        action = "created" if was is None else "deleted" if became is None else "changed"
        if name in masked:
            was, became = (None if value is None else _MASK for value in (was, became))
        found.append({"type": scope, "action": action, "field": name, "before": was, "after": became})
    return found


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: times and ids as texts, mappings and sequences as objects and lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, str) and not isinstance(value, Enum):
        return value
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(each) for each in value), key=str)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return plain(value.value)
    return str(value) if isinstance(value, UUID | date) else value


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON values: Python alone takes 1 for true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)
