"""Entries as the API answers them, and the page of them that every room's `activity` route answers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request

from hedgerow.activity.log import Activity, Chosen, Entry
from hedgerow.kit.clock import iso
from hedgerow.web import pages
from hedgerow.web.access import UserCard, UserCards

_PAGE = 10


def history(session: Session, cards: UserCards, request: Request, project_id: int, chosen: Chosen) -> dict[str, Any]:
    """`{results, next, previous, total_count, count}`: the entries that are `chosen`, newest first.

    `?page=` counts from 1 and `?limit=` is 10 unless told. Raises `NotFound` for a page past the end.
    """
    page = pages.numbered(request, _PAGE)
    count, entries = Activity().page(session, project_id, chosen, page.limit, page.offset)
    known = cards.cards({entry.user_id for entry in entries if entry.user_id is not None})
    whole = page.envelope(count, [shown(entry, known) for entry in entries])
    return {**whole, "total_count": count}


def shown(entry: Entry, cards: Mapping[int, UserCard]) -> dict[str, Any]:
    """One entry. `user` is null when Hedgerow acted by itself, or the user is gone."""
    return {
        "id": str(entry.id),
        "user": cards.get(entry.user_id) if entry.user_id is not None else None,
        "is_system": entry.user_id is None,
        "was_impersonated": False,
        "team_id": entry.project_id,
        "activity": entry.activity,
        "scope": entry.scope,
        "item_id": entry.item_id,
        "detail": entry.detail,
        "created_at": iso(entry.created_at),
        "unread": False,
    }
