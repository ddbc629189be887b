"""Finding rows and the next page where the manifest does not say where they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hedgerow.connectors.base import Refused
from hedgerow.connectors.rest.pages import LinkHeader, NextUrl, Page, Request
from hedgerow.connectors.rest.paths import value_at

_ROWS = ("data", "results", "items", "records", "value", "values", "rows", "entries")
_NEXT = ("next", "next_url", "links.next", "_links.next.href", "paging.next", "pagination.next", "meta.next")
_MORE = ("has_more", "hasMore", "meta.has_more", "pagination.has_more", "pagination.hasMore", "more")
_CURSORS = (
    "next_cursor",
    "nextCursor",
    "next_page_token",
    "nextPageToken",
    "next_token",
    "meta.next_cursor",
    "cursors.next",
    "paging.cursors.after",
    "pagination.next_cursor",
    "response_metadata.next_cursor",
)


@dataclass(frozen=True, slots=True)
class AutoPaging:
    """Follows links to a next page; where there is more and no link, it says so: rows are never left out in silence."""

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        if (found := LinkHeader().after(request, page)) is not None:
            return found
        for path in _NEXT:
            value = value_at(page.document, path)
            if isinstance(value, str) and value.startswith(("http://", "https://", "/", "?")):
                return NextUrl(path).after(request, page)
        for path in (*_MORE, *_CURSORS, *_NEXT):
            if value_at(page.document, path) not in (None, False, "", 0, {}, []):
                raise Refused(
                    f"There are more pages ({path} says so), and nothing tells how to ask for them: set a paginator.",
                    field="manifest_json",
                )
        return None


def rows_finder(name: str) -> Callable[[Any], list[Any] | None]:
    """Finds a resource's rows: the document where it is a list, its one list, or the document as the only row."""

    def find(document: Any) -> list[Any] | None:
        if isinstance(document, list):
            return document
        if not isinstance(document, dict):
            return None
        lists = {key: value for key, value in document.items() if isinstance(value, list)}
        for key in (name, *_ROWS):
            if key in lists:
                return lists[key]
        if len(lists) == 1:
            return next(iter(lists.values()))
        return None if lists else [document]

    return find
