"""Ways of paging: what to ask for first, and after each page what next."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx

from hedgerow.connectors.base import Refused
from hedgerow.connectors.rest.paths import value_at


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `url` is absolute, or a path below the API's base; `body` is sent as JSON, `form` as a form."""

    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    method: str = "GET"
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None

    def having(self, name: str, value: Any) -> "Request":
        """With one more value: in the query, or (`body.page.size`) inside the body."""
        if not name.startswith("body."):
            return replace(self, params={**self.params, name: value})
        body = json.loads(json.dumps(self.body or {}))
        at = body
        *outer, last = name.removeprefix("body.").split(".")
        for step in outer:
            at = at.setdefault(step, {})
        at[last] = value
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class Page:
    """What came: the whole document, the rows that were selected from it, and the headers."""

    url: str
    document: Any
    rows: Sequence[Any]
    headers: Mapping[str, str]
    links: Mapping[str, str]


class Paging(Protocol):
    """A way of paging; it keeps nothing, all it needs is in the request and in the page."""

    def first(self, request: Request) -> Request:
        """The request for the first page."""

    def after(self, request: Request, page: Page) -> Request | None:
        """The request for the page after this one, `None` after the last."""


@dataclass(frozen=True, slots=True)
class Single:
    """All rows come at once."""

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        return None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The page tells the cursor of the next one, at `path`; the last has none, or says at `more` that it is the last.

    `ended` is the opposite of `more`.
    """

    param: str
    path: str
    more: str | None = None
    ended: str | None = None
    drop: tuple[str, ...] = ()

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        cursor = value_at(page.document, self.path)
        if cursor in (None, "", False) or _over(page, self.more, self.ended):
            return None
        kept = {name: value for name, value in request.params.items() if name not in self.drop}
        return replace(request, params=kept).having(self.param, cursor)


@dataclass(frozen=True, slots=True)
class LastRow:
    """The next page begins after the last row of this one, named by its `field`; the last says so at `more`."""

    param: str = "starting_after"
    field: str = "id"
    more: str = "has_more"

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        if not page.rows or _over(page, self.more, None):
            return None
        return request.having(self.param, value_at(page.rows[-1], self.field))


@dataclass(frozen=True, slots=True)
class Offset:
    """Skips rows. It ends at `total`, where the page says how many rows there are, or with an empty page."""

    limit: int
    offset_param: str = "offset"
    limit_param: str = "limit"
    start: int = 0
    total: str | None = None
    more: str | None = None
    most: int | None = None

    def first(self, request: Request) -> Request:
        return request.having(self.limit_param, self.limit).having(self.offset_param, self.start)

    def after(self, request: Request, page: Page) -> Request | None:
        # By the rows that came: a server may give fewer than it is asked for, without being at its end.
        reached = int(_given(request, self.offset_param)) + len(page.rows)
        if _ends(page, reached - self.start, self.total, self.more) or (self.most is not None and reached > self.most):
            return None
        return request.having(self.offset_param, reached)


@dataclass(frozen=True, slots=True)
class PageNumber:
    """Counts pages. It ends at `total` pages, where the page says how many there are, or with an empty page."""

    param: str = "page"
    start: int = 1
    total: str | None = None
    more: str | None = None
    most: int | None = None

    def first(self, request: Request) -> Request:
        return request.having(self.param, self.start)

    def after(self, request: Request, page: Page) -> Request | None:
        number = int(_given(request, self.param))
        if _ends(page, number - self.start + 1, self.total, self.more):
            return None
        return None if self.most is not None and number >= self.most else request.having(self.param, number + 1)


@dataclass(frozen=True, slots=True)
class LinkHeader:
    """The header `Link` tells the next page's address."""

    relation: str = "next"

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        return _linked(request, page, page.links.get(self.relation))


@dataclass(frozen=True, slots=True)
class HeaderCursor:
    """A header tells the cursor of the next page."""

    param: str
    header: str

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        cursor = page.headers.get(self.header.lower())
        return request.having(self.param, cursor) if cursor else None


@dataclass(frozen=True, slots=True)
class NextUrl:
    """The page tells the next page's address, at `path`."""

    path: str = "next"
    more: str | None = None
    ended: str | None = None

    def first(self, request: Request) -> Request:
        return request

    def after(self, request: Request, page: Page) -> Request | None:
        if _over(page, self.more, self.ended):
            return None
        return _linked(request, page, value_at(page.document, self.path))


def _linked(request: Request, page: Page, url: Any) -> Request | None:
    return replace(request, url=joined(page.url, url), params={}) if isinstance(url, str) and url else None


def joined(base: str, url: str) -> str:
    """An address as it is meant beside another; raises `Refused` for what is none."""
    try:
        return urljoin(base, url)
    except ValueError as error:
        raise Refused(f"{url.partition('?')[0][:200]} is no address.") from error


def _given(request: Request, name: str) -> Any:
    if name.startswith("body."):
        return value_at(request.body, name.removeprefix("body."))
    return request.params[name]


def _over(page: Page, more: str | None, ended: str | None) -> bool:
    if more is not None and value_at(page.document, more) in (False, None, 0, "false"):
        return True
    return ended is not None and value_at(page.document, ended) in (True, 1, "true")


def _ends(page: Page, reached: int, total: str | None, more: str | None) -> bool:
    if not page.rows or _over(page, more, None):
        return True
    count = value_at(page.document, total) if total else None
    if count is None and total:
        count = page.headers.get(total.lower())
    try:
        return count is not None and reached >= int(count)
    except (TypeError, ValueError):
        raise Refused(f"What is at {total} should be a number: {str(count)[:80]}.") from None


def links_of(response: httpx.Response) -> dict[str, str]:
    """The addresses of the header `Link`, by their relation."""
    return {relation: link["url"] for relation, link in response.links.items() if relation and "url" in link}
