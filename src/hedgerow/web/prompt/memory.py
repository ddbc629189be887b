"""What is remembered of requests: by the digest of their bytes, who makes the same answer again."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import structlog
from starlette.types import Scope

from hedgerow.kit.ids import label
from hedgerow.web.frame import SECURITY, ended, template
from hedgerow.web.telemetry.logs import request_id
from hedgerow.web.telemetry.metrics import Metrics

_log = structlog.get_logger("hedgerow.http")
REMEMBER = "hedgerow.remember"
"""In the scope of a request that came whole and alone: a function that takes the `Tell` of its answer."""
_MOST = 10_000
_LONGEST = 4_096
"""Bytes of a request that is remembered."""
_OF_THEIR_OWN = frozenset({b"origin", b"x-request-id", b"expect"})
"""Headers that the frame answers: requests with one go the long way."""


class Told(NamedTuple):
    """An answer of status 200: its JSON, and headers beside the usual ones."""

    body: bytes
    headers: Mapping[str, str]


Tell = Callable[[], Told | None]
"""Makes the answer of the same request now, with all that belongs to it: rights, rates, notes. It never waits; `None`
if it had to, or if anything is not as it was: the request then goes the usual way."""


@dataclass(frozen=True, slots=True)
class _Known:
    tell: Tell
    path: str
    route: str


def _head(*headers: tuple[bytes, bytes]) -> bytes:
    return b"".join(name + b": " + value + b"\r\n" for name, value in headers)


class Prompts:
    """Remembered requests, the longest unused forgotten first. They carry keys, so only digests of them are kept."""

    def __init__(self, metrics: Metrics, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """`headers`: what every answer of this server has beside the frame's."""
        self._metrics = metrics
        self._fixed = _head((b"content-type", b"application/json"), *headers, *SECURITY)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._answered = 0
        text = "Of the requests, those answered from memory before they were parsed."
        metrics.watch("hedgerow_http_prompt_answers", text, lambda: self._answered, counts=True)

    def answer(self, packet: bytes, dated: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """All bytes of the answer to these bytes, counted and logged as any other; `dated` are the server's headers."""
        if len(packet) > _LONGEST:
            return None
        digest = _digest(packet)
        known = self._known.get(digest)
        if known is None:
            return None
        start = time.perf_counter()
        told = self._told(digest, known)
        return None if told is None else self._whole(known, told, dated, start)

    def _told(self, digest: bytes, known: _Known) -> Told | None:
        try:
            told = known.tell()
        except Exception:
            # Of a bug the usual way tells the caller.
            _log.exception("bug", method="POST", path=known.path)
            del self._known[digest]
            return None
        if told is not None:
            self._known.move_to_end(digest)
            self._answered += 1
        return told

    def _whole(self, known: _Known, told: Told, dated: Iterable[tuple[bytes, bytes]], start: float) -> bytes:
        identifier = label()
        own = b"content-length: %d\r\nx-request-id: %s\r\n" % (len(told.body), identifier.encode())
        more = _head(*((n.lower().encode(), v.encode()) for n, v in told.headers.items())) if told.headers else b""
        answer = b"".join((b"HTTP/1.1 200 OK\r\n", _head(*dated), own, self._fixed, more, b"\r\n", told.body))
        token = request_id.set(identifier)
        self._metrics.began()
        ended(self._metrics, "POST", known.path, known.route, 200, time.perf_counter() - start)
        request_id.reset(token)
        return answer

    def remember(self, packet: bytes, scope: Scope, tell: Tell) -> None:
        """Answer these bytes by `tell` from now on; `scope` is what they were parsed into."""
        if len(packet) > _LONGEST or scope["method"] != "POST" or scope["query_string"]:
            return
        if any(name in _OF_THEIR_OWN for name, _ in scope["headers"]):
            return
        self._known[_digest(packet)] = _Known(tell, scope["path"], template(scope))
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _digest(packet: bytes) -> bytes:
    return hashlib.blake2b(packet, digest_size=16).digest()
