"""One project of a Hedgerow or PostHog server, over HTTP."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from hedgerow.gitops.faults import Refused, Unreachable

_TIMEOUT = 120.0
_MOST_WAITS = 5
_LONGEST_WAIT = 65.0
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Remote:
    """Calls a project's routes. Paths are relative to the project and end with `/`, such as `endpoints/`."""

    client: httpx.Client
    project: str

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON; raises `Refused` and `Unreachable`, as all of these do."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body=body)

    def put(self, path: str, body: Any = None) -> Any:
        return self.call("PUT", path, body=body)

    def patch(self, path: str, body: Any = None) -> Any:
        return self.call("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        self.call("DELETE", path)

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All objects of a list, over all its pages, whether they are counted by offset or by number."""
        while True:
            page = self.get(path, **query)
            yield from page["results"]
            if not page.get("next"):
                return
            # Only its query string: behind a proxy the address may be one that is not for us.
            query = dict(httpx.URL(page["next"]).params)

    def call(self, method: str, path: str, *, query: Any = None, body: Any = None) -> Any:
        """The answer's JSON, `None` where it has none."""
        answer = self.send(method, path, query=query, body=body)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            host = self.client.base_url
            raise Unreachable(f"{method} {path}: {host} answers no JSON: is it the API's address?") from None

    def send(self, method: str, path: str, *, query: Any = None, body: Any = None) -> httpx.Response:
        """The answer as it came, once it is a success. Waits where the server says how long."""
        address = f"/api/projects/{quote(self.project, safe='@')}/{path}"
        options: dict[str, Any] = {"params": query or None}
        if body is not None:
            options["json"] = body
        for attempt in range(_MOST_WAITS + 1):
            try:
                answer = self.client.request(method, address, **options)
            except httpx.HTTPError as error:
                raise Unreachable(f"no answer from {self.client.base_url}: {error}") from error
            if answer.is_success:
                return answer
            wait = _wait(answer)
            if wait is None or attempt == _MOST_WAITS:
                break
            time.sleep(wait)
        raise _refusal(f"{method} {path}", answer)


def connect(host: str, key: str, project: str) -> Remote:
    """A project of the server at `host`; raises `Unreachable` for what cannot be one."""
    if not key:
        raise Unreachable("no key: set HEDGEROW_KEY or give --api-key (hedgerow key create makes one).")
    if not key.isascii() or not key.isprintable():
        raise Unreachable("the key holds characters that no key has.")
    address = host if "://" in host else f"https://{host}"
    try:
        client = httpx.Client(
            base_url=address.rstrip("/"), headers={"Authorization": f"Bearer {key}"}, timeout=_TIMEOUT
        )
    except (httpx.InvalidURL, ValueError) as error:
        raise Unreachable(f"{host}: {error}") from None
    if client.base_url.scheme not in {"http", "https"} or not client.base_url.host:
        raise Unreachable(f"{host} is no address of a server: write https://host.")
    return Remote(client, project)


def _wait(answer: httpx.Response) -> float | None:
    """Seconds until the server wants to be asked again; `None` when that is no use."""
    if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return None
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= _LONGEST_WAIT else None


def _refusal(what: str, answer: httpx.Response) -> Refused:
    if answer.is_redirect:
        target = answer.headers.get("Location", "elsewhere")[:_SHOWN]
        return Refused(answer.status_code, what, f"moved to {target}: give that host.")
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Refused(answer.status_code, what, answer.text[:_SHOWN] or answer.reason_phrase)
    detail = next((said[name] for name in ("detail", "error", "message") if said.get(name)), said)
    attr = said.get("attr")
    return Refused(
        answer.status_code, what, str(detail), attr=attr and str(attr), code=str(said.get("code") or "error")
    )
