"""The route of the whole activity log."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from hedgerow.activity.log import Chosen
from hedgerow.activity.shapes import history
from hedgerow.store import Store
from hedgerow.web.access import Access, Gate, UserCards

Text = Annotated[str | None, Query(max_length=200)]
Several = Annotated[list[Annotated[str, Query(max_length=1000)]] | None, Query(max_length=50)]
User = Annotated[int | None, Query(ge=0, lt=2**63, description="Only what this user did.")]


def router(store: Store, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    may_read = gate.project("activity_log:read")

    @routes.get("/activity_log")
    def list_activity(
        request: Request,
        access: Annotated[Access, Depends(may_read)],
        scope: Text = None,
        scopes: Several = None,
        item_id: Text = None,
        user: User = None,
        activity: Several = None,
    ) -> dict[str, Any]:
        """What was done in the project, newest first; `?page=` counts from 1, `?limit=` is 10 unless told."""
        wanted = _words(scopes) + ([scope] if scope else [])
        chosen = Chosen(wanted, item_id or None, user, _words(activity))
        with store.read() as session:
            return history(session, cards, request, access.project_id, chosen)

    return routes


def _words(given: list[str] | None) -> list[str]:
    """Values that were repeated or parted by commas."""
    return [word for text in given or () for part in text.split(",") if (word := part.strip())]
