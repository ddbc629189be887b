"""A client of one API: requests with proof of who asks, tried again where that may help, and errors as sentences."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from hedgerow import __version__
from hedgerow.connectors.base import Refused, SourceError, Unreachable
from hedgerow.connectors.rest.api import Api, Selector
from hedgerow.connectors.rest.pages import Page, Paging, Request, joined, links_of
from hedgerow.connectors.rest.paths import value_at, values_at
from hedgerow.connectors.rest.patience import Patience, asked_wait, is_limit, may_pass
from hedgerow.connectors.rest.transport import GuardedTransport
from hedgerow.connectors.watching import Watch
from hedgerow.kit.outgoing import OutgoingGuard

_TIMEOUT = {"connect": 10.0, "read": 60.0, "write": 30.0, "pool": 10.0}
_PAGE_SECONDS = 300.0
_PAGE_BYTES = 64 << 20
_REDIRECTS = 5
_SAID_LENGTH = 300
_SHORTEST_SECRET = 4
_NOT_PLAIN = "it is not plain which part of the answer holds the rows; set a data_selector"
_USUAL_MESSAGES = ("error.message", "message", "error_description", "errors[0].message", "errors[0]", "error", "detail")


class Denied(Refused):
    """The remote knows who asks, and does not allow it."""


class Absent(Refused):
    """There is no such thing at this address, or none that we may know of."""


class Client:
    """Blocking, of one thread; close it."""

    def __init__(
        self, api: Api, guard: OutgoingGuard, patience: Patience | None = None, watch: Watch | None = None
    ) -> None:
        self.api, self._watch = api, watch or Watch()
        self._patience = patience or Patience()
        self._transport = GuardedTransport(guard, api.address_field)
        self._base = self._address(api.base_url if api.base_url.endswith("/") else f"{api.base_url}/")

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._transport.close()

    def page(self, request: Request, selector: Selector = "$") -> Page:
        """One page and its rows, those that `selector` chooses; raises `SourceError`."""
        response, content = self._answered(request)
        document = _parsed(content, self._shown(request))
        rows = values_at(document, selector) if isinstance(selector, str) else selector(document)
        if rows is None:
            where = f"there is nothing at {selector!r} of the answer" if isinstance(selector, str) else _NOT_PLAIN
            raise Refused(self._clean(f"{self._shown(request)}: {where}{_said(content, self.api.message)}."))
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Page(str(response.request.url), document, rows, headers, links_of(response))

    def document(self, request: Request) -> Any:
        """What one request answers."""
        return _parsed(self._answered(request)[1], self._shown(request))

    def _answered(self, request: Request) -> tuple[httpx.Response, bytes]:
        attempt, renewed = 0, False
        while True:
            attempt += 1
            self._watch.check()
            try:
                response, content = self._sent(request)
            except httpx.TransportError as error:
                wait = self._patience.wait(attempt, {})
                if wait is None:
                    raise Unreachable(self._clean(_unanswered(self._base.host, error))) from error
                self._patience.sleep(wait)
                continue
            if response.is_success:
                return response, content
            if response.status_code == httpx.codes.UNAUTHORIZED and not renewed and self.api.auth.forget():
                renewed = True
                continue
            if not (may_pass(response.status_code, response.headers) or _is_worded_limit(response, content)):
                raise self._refusal(request, response, content)
            wait = self._patience.wait(attempt, response.headers)
            if wait is None:
                raise self._refusal(request, response, content, retryable=True)
            self._patience.sleep(wait)

    def _sent(self, request: Request) -> tuple[httpx.Response, bytes]:
        proof = self.api.auth.proof(self._exchanged)
        url = self._url(request)
        if (url.scheme, url.host, url.port) != (self._base.scheme, self._base.host, self._base.port):
            raise Refused(f"The next page lies on another host, {url.host}; nothing is sent there.")
        headers = {**self._headers(), **request.headers, **proof.headers}
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise Refused("A header or the credentials hold a character that no header can.", field=self.api.key_field)
        sent = httpx.Request(
            request.method,
            url.copy_merge_params({**_texts(self.api.params), **_texts(request.params), **proof.params}),
            headers=headers,
            json=request.body,
            data=_texts(request.form) if request.form is not None else None,
            extensions={"timeout": _TIMEOUT},
        )
        for _ in range(_REDIRECTS):
            response, content = self._through(sent)
            if not response.has_redirect_location or request.method != "GET":
                return response, content
            target = self._address(joined(str(sent.url), response.headers["Location"]))
            if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
                raise Refused(f"{self._shown(request)} leads to another host, {target.host}; nothing is sent there.")
            # What proves who asks may be part of the query, which a redirect need not repeat.
            target = target.copy_merge_params(proof.params)
            sent = httpx.Request("GET", target, headers=sent.headers, extensions=sent.extensions)
        raise Refused(f"{self._shown(request)} leads from address to address without end.")

    def _through(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        end = time.monotonic() + _PAGE_SECONDS
        response = self._transport.handle_request(request)
        response.request = request
        try:
            parts: list[bytes] = []
            size = 0
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > _PAGE_BYTES:
                    raise Refused(f"A page is larger than {_PAGE_BYTES >> 20} MB; ask for fewer rows in a page.")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("the page took too long", request=request)
                self._watch.check()
            return response, b"".join(parts)
        except httpx.DecodingError as error:
            raise Refused(f"{request.method} {request.url.path}: the answer cannot be unpacked.") from error
        finally:
            response.close()

    def _exchanged(self, url: str, form: dict[str, str], headers: dict[str, str]) -> Any:
        sent = httpx.Request(
            "POST",
            joined(str(self._base), url),
            data=form,
            headers={**self._headers(), **headers},
            extensions={"timeout": _TIMEOUT},
        )
        response, content = self._through(sent)
        shown = f"POST {sent.url.path}"
        if response.is_success:
            return _parsed(content, shown)
        words = self._clean(f"{shown} answered {response.status_code}{_said(content, self.api.message)}")
        if may_pass(response.status_code, response.headers):
            raise Unreachable(words)
        raise Refused(words, field=self.api.key_field)

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": f"hedgerow/{__version__}",
            **self.api.headers,
        }

    def _address(self, text: str) -> httpx.URL:
        try:
            return httpx.URL(text)
        except (httpx.InvalidURL, ValueError) as error:
            shown = text.partition("?")[0][:200]
            raise Refused(f"{shown} is no address.", field=self.api.address_field) from error

    def _url(self, request: Request) -> httpx.URL:
        if "://" in request.url:
            return self._address(request.url)
        base = str(self._base)
        return self._address(f"{base}{request.url.lstrip('/')}" if request.url else base.rstrip("/"))

    def _shown(self, request: Request) -> str:
        return f"{request.method} {self._url(request).path}"

    def _refusal(
        self, request: Request, response: httpx.Response, content: bytes, retryable: bool = False
    ) -> SourceError:
        status = response.status_code
        words = f"{self._shown(request)} answered {status}{_said(content, self.api.message)}"
        if is_limit(status, response.headers) or _is_worded_limit(response, content):
            wait = asked_wait(response.headers, self._patience.clock())
            words += "." if wait is None else f". It asks to wait {wait:.0f} s."
        elif status == httpx.codes.UNAUTHORIZED:
            words = f"The credentials were not accepted: {words}."
        elif status == httpx.codes.FORBIDDEN:
            words = f"A permission is missing: {words}."
        else:
            words += "."
        if retryable:
            return Unreachable(self._clean(words))
        if status == httpx.codes.FORBIDDEN:
            return Denied(self._clean(words), field=self.api.key_field)
        if status in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            return Absent(self._clean(words))
        field = self.api.key_field if status == httpx.codes.UNAUTHORIZED else None
        return Refused(self._clean(words), field=field)

    def _clean(self, text: str) -> str:
        """Without any secret, as it is or as a URL would hold it."""
        for secret in sorted((*self.api.auth.secrets, *self.api.secrets), key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}:
                    text = text.replace(form, "…")
        return text


def _is_worded_limit(response: httpx.Response, content: bytes) -> bool:
    """A rate limit that only the words of a refusal tell of."""
    return response.status_code == httpx.codes.FORBIDDEN and b"rate limit" in content[:1000].lower()


def pages(client: Client, request: Request, selector: Selector, paging: Paging) -> Iterator[Page]:
    """All pages, one at a time; raises `Refused` where they go round in a circle."""
    next_request: Request | None = paging.first(request)
    seen: set[int] = set()
    before: Sequence[Any] = ()
    while next_request is not None:
        asked = next_request
        mark = hash((asked.url, json.dumps([dict(asked.params), asked.body], sort_keys=True, default=str)))
        if mark in seen:
            raise Refused(f"{asked.method} {urlsplit(asked.url).path}: the pages go round in a circle.")
        seen.add(mark)
        page = client.page(asked, selector)
        if page.rows and page.rows == before:
            raise Refused(
                f"{asked.method} {urlsplit(asked.url).path}: the same rows come for every page; "
                "the API takes no notice of how the next page is asked for."
            )
        before = page.rows
        yield page
        next_request = paging.after(asked, page)


def _texts(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as a query has them: lists are repeated, what is null is left out."""
    return {
        name: [_text(item) for item in value] if isinstance(value, list | tuple) else _text(value)
        for name, value in params.items()
        if value is not None
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(content: bytes, shown: str) -> Any:
    try:
        document = json.loads(content or b"null")
        # Half of a pair of escapes is no character, and nothing can keep it.
        return mended(document) if b"\\ud" in content or b"\\uD" in content else document
    except (ValueError, RecursionError) as error:
        raise Refused(f"{shown}: the answer is not JSON.") from error


def mended(value: Any) -> Any:
    """A JSON document without halves of pairs of escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [mended(item) for item in value]
    if isinstance(value, dict):
        return {mended(name): mended(item) for name, item in value.items()}
    return value


def _said(content: bytes, paths: Sequence[str]) -> str:
    """What an error's body says, short; nothing where it says nothing readable."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    for path in (*paths, *_USUAL_MESSAGES):
        said = value_at(document, path)
        if isinstance(said, str) and said.strip():
            text = " ".join(said.split()).rstrip(".")
            return f": {text if len(text) <= _SAID_LENGTH else text[:_SAID_LENGTH] + '…'}"
    return ""


def _unanswered(host: str, error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"{host} did not answer in time."
    if isinstance(error, httpx.ConnectError):
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text or "certificate" in text.lower():
            return f"The certificate of {host} is not good."
        return f"{host} could not be reached."
    return f"The connection to {host} broke off."
