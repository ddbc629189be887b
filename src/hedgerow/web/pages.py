"""Pages of lists: limit/offset and page-number, in the API's envelope `{count, next, previous, results}`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request

from hedgerow.kit.errors import NotFound

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_MAX_OFFSET = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a list: `offset` to skip, then at most `limit`. Made from a request by `by_offset` or `by_page`."""

    limit: int
    offset: int
    address: str
    page: int | None = None

    def envelope(self, count: int, results: Sequence[Any]) -> dict[str, Any]:
        """The answer. `count` is the whole list's length; raises `NotFound` for a page past the end."""
        if self.page is not None and self.page > 1 and self.offset >= count:
            raise NotFound("Invalid page.")
        forth = self._link(1) if self.offset + self.limit < count else None
        back = self._link(-1) if self.offset > 0 else None
        return {"count": count, "next": forth, "previous": back, "results": results}

    def _link(self, step: int) -> str:
        if self.page is not None:
            page = self.page + step
            return _with(self.address, {"page": str(page) if page > 1 else None})
        offset = self.offset + step * self.limit
        return _with(self.address, {"limit": str(self.limit), "offset": str(offset) if offset > 0 else None})


def by_offset(request: Request) -> Slice:
    """`?limit=&offset=`, 100 and 0 unless told, 1,000 at most. Values that make no sense count as not given."""
    limit = _positive(request.query_params.get("limit"))
    offset = _positive(request.query_params.get("offset"))
    return Slice(min(limit or DEFAULT_LIMIT, MAX_LIMIT), min(offset, _MAX_OFFSET), address(request))


def by_page(request: Request, size: int) -> Slice:
    """`?page=`, counted from 1, of `size` each. Raises `NotFound` for what is not a page."""
    text = request.query_params.get("page", "1")
    page = _positive(text)
    if page == 0 or page > _MAX_OFFSET:
        raise NotFound("Invalid page.")
    return Slice(size, (page - 1) * size, address(request), page)


def numbered(request: Request, size: int) -> Slice:
    """`?page=&limit=`: as `by_page`, of `size` each unless told, 1,000 at most."""
    return by_page(request, min(_positive(request.query_params.get("limit")) or size, MAX_LIMIT))


def address(request: Request) -> str:
    """The request's own address as its caller sees it, without credentials in it."""
    url = request.url
    path = quote(request.scope.get("hedgerow.path", url.path), safe="/@:~!$&'()*+,;=-._")
    query = urlencode([pair for pair in parse_qsl(url.query, keep_blank_values=True) if pair[0] != "personal_api_key"])
    return f"{site(request)}{path}" + (f"?{query}" if query else "")


def changed(request: Request, changes: dict[str, str | None]) -> str:
    """The request's own address with those query parameters changed."""
    return _with(address(request), changes)


def site(request: Request) -> str:
    """Scheme and host of links: the setting `site_url`, else the request's own. No slash at its end."""
    configured: str = getattr(request.app.state, "site_url", "")
    return configured.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"


def _positive(text: str | None) -> int:
    """The number, or 0 for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _with(url: str, changes: dict[str, str | None]) -> str:
    """`url` with those query parameters changed, or removed where `None`."""
    path, _, query = url.partition("?")
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in changes]
    pairs += [(name, value) for name, value in changes.items() if value is not None]
    return f"{path}?{urlencode(pairs)}" if pairs else path
