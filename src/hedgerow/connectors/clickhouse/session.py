"""Queries over ClickHouse's HTTP interface: guarded, streamed as Arrow, and with its errors as sentences."""

import json
import re
from base64 import b64encode
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import httpx
import pyarrow as pa

from hedgerow import __version__
from hedgerow.connectors.base import Config, Refused, SourceError, Unreachable
from hedgerow.connectors.rest.transport import GuardedTransport, LedTransport
from hedgerow.connectors.tunnel import tls_demanded, tunnelled, way
from hedgerow.kit.outgoing import OutgoingGuard

_TIMEOUT = {"connect": 10.0, "write": 30.0, "pool": 10.0}
_SHORT_SECONDS, _LONG_SECONDS = 60.0, 3600.0
_SETTINGS = {
    "readonly": 2,  # reads only; 1 would forbid the other settings
    "cancel_http_readonly_queries_on_client_close": 1,
    "http_send_timeout": 3600,  # while batches are worked on, the server waits
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
}
_LOCKED = re.compile(r"Cannot modify '\w+' setting in readonly mode")
_LONGEST_ERROR = 1 << 16
_SAID = re.compile(r"^Code: (\d+)\. (?:DB::Exception: )?(.*?)(?: \(([A-Z_]+)\))?(?: \(version .*\))?$", re.DOTALL)
# What ends an Arrow stream. Without it the answer was cut off, which Arrow itself takes for an end.
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_EXCEPTION = b"__exception__"

_CODES: dict[int, tuple[type[SourceError], str, str | None]] = {
    81: (Refused, "There is no such database on this server.", "database"),
    159: (Unreachable, "The server stopped the query: it took too long.", None),
    192: (Refused, "The user or the password is wrong.", "user"),
    193: (Refused, "The user or the password is wrong.", "password"),
    194: (Refused, "The user or the password is wrong.", "password"),
    202: (Unreachable, "The server runs too many queries.", None),
    394: (Unreachable, "The server stopped the query.", None),
    516: (Refused, "The user or the password is wrong.", "password"),
}
_CHANGED = {10, 16, 47, 60}


class Session:
    """One source's questions to its server; close it."""

    def __init__(self, config: Config, transport: httpx.BaseTransport) -> None:
        self._config, self._transport = config, transport
        secure = config.get("secure", True) or tls_demanded(config, unsaid=False)
        host = str(config["host"])
        shown = f"[{host}]" if ":" in host else host
        try:
            self._url = httpx.URL(f"{'https' if secure else 'http'}://{shown}:{int(config['port'])}/")
        except httpx.InvalidURL:
            raise _no_host() from None
        if self._url.host != host.lower():
            raise _no_host()

    def close(self) -> None:
        self._transport.close()

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a short answer."""
        with self._answer(f"{sql} FORMAT JSON", parameters, _SHORT_SECONDS) as response:
            content = b"".join(_received(response))
        try:
            found: list[dict[str, Any]] = json.loads(content)["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("This is no ClickHouse server.", field="host") from error
        return found

    def batches(self, sql: str, **parameters: Any) -> Generator[pa.RecordBatch, None, None]:
        """An answer as it comes."""
        with self._answer(f"{sql} FORMAT ArrowStream", parameters, _LONG_SECONDS) as response:
            source = _Pieces(_received(response))
            try:
                with pa.ipc.open_stream(pa.PythonFile(source, mode="r")) as reader:
                    yield from reader
            except (pa.ArrowInvalid, OSError) as error:
                source.check()
                raise Unreachable("The server's answer broke off.") from error
            source.check()

    @contextmanager
    def _answer(self, sql: str, parameters: Mapping[str, Any], seconds: float) -> Iterator[httpx.Response]:
        response = self._asked(sql, parameters, _SETTINGS, seconds)
        try:
            if response.status_code != httpx.codes.OK:
                fault = _fault(response)
                if not _LOCKED.search(fault.text):
                    raise fault
                response.close()
                response = self._asked(sql, parameters, {}, seconds)  # a user who may change no setting, nor write
                if response.status_code != httpx.codes.OK:
                    raise _fault(response)
            yield response
        finally:
            response.close()

    def _asked(
        self, sql: str, parameters: Mapping[str, Any], settings: Mapping[str, Any], read_seconds: float
    ) -> httpx.Response:
        user, password = self._config["user"], self._config.get("password") or ""
        params = {**settings, **{f"param_{name}": value for name, value in parameters.items()}}
        request = httpx.Request(
            "POST",
            self._url.copy_merge_params({"database": self._config["database"], **params}),
            content=sql.encode(),
            headers={
                "Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}",
                "User-Agent": f"hedgerow-source/{__version__}",
            },
            extensions={"timeout": {**_TIMEOUT, "read": read_seconds}},
        )
        try:
            response = self._transport.handle_request(request)
        except httpx.TransportError as error:
            raise _unanswered(error) from error
        response.request = request
        return response


@contextmanager
def connected(config: Config, guard: OutgoingGuard) -> Iterator[Session]:
    """A session, straight to the server or through its tunnel."""
    verify = bool(config.get("verify", True))
    if not 0 < int(config["port"]) < 1 << 16:
        raise Refused(f"There is no port {config['port']}: ports are 1 to 65535.", field="port")
    if not tunnelled(config):
        with closing(Session(config, GuardedTransport(guard, "host", verify=verify))) as session:
            yield session
        return
    with (
        way(guard, config) as found,
        closing(Session(config, LedTransport(found.addresses[0], found.port, verify=verify))) as session,
    ):
        yield session


def _no_host() -> Refused:
    return Refused("Host is not a host name or an IP address", field="host")


class _Pieces:
    """What was received, as a file; it remembers its end."""

    closed = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""
        self._last = b""
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end."""
        parts, length = [self._waiting], len(self._waiting)
        while not self._ended and (size < 0 or length < size):
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            self._last = (self._last + piece)[-_LONGEST_ERROR:]
            parts.append(piece)
            length += len(piece)
        whole = b"".join(parts)
        found, self._waiting = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        return found

    def close(self) -> None:
        self.closed = True

    def check(self) -> None:
        """Raise unless the answer came to its end."""
        self.read()
        if _EXCEPTION in self._last:
            said = self._last.partition(_EXCEPTION)[2].decode(errors="replace")
            start = said.find("Code: ")
            raise _spoken(said[max(start, 0) :].partition("\n")[0].strip())
        if not self._last.endswith(_END):
            raise Unreachable("The server's answer broke off.")


def _received(response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_bytes()
    except httpx.RequestError as error:
        raise Unreachable("The connection to the server was lost.") from error


def _fault(response: httpx.Response) -> SourceError:
    said = b""
    for piece in _received(response):
        said += piece
        if len(said) > _LONGEST_ERROR:
            break
    if not any(name.lower().startswith("x-clickhouse") for name in response.headers):
        return Refused("This is no ClickHouse server.", field="host")
    return _spoken(said.decode(errors="replace").strip())


def _spoken(said: str) -> SourceError:
    """The server's own words as an error."""
    found = _SAID.match(said)
    if found is None:
        return Refused(f"The server refused: {said[:300]}.")
    code, words = int(found[1]), found[2].strip().rstrip(".")
    if code in _CODES:
        kind, text, field = _CODES[code]
        return kind(text, field=field)
    if code == 497:
        return Refused(f"The user lacks a permission: {words[:300]}.")
    if code in _CHANGED:
        return Refused(f"The database has changed: {words[:300]}.", retryable=True)
    return Refused(f"The server refused: {words[:300]}.")


def _unanswered(error: httpx.TransportError) -> SourceError:
    if isinstance(error, httpx.TimeoutException):
        return Unreachable("The server did not answer in time.", field="host")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Refused("The server's certificate is not good for this host.", field="verify")
    if isinstance(error, httpx.ConnectError) and "SSL" in str(error):
        return Refused("The server offers no TLS on this port.", field="secure")
    if isinstance(error, httpx.ConnectError):
        return Unreachable("The server could not be reached: nothing listens on this host and port.", field="host")
    if isinstance(error, httpx.RemoteProtocolError):
        return Refused("This is no ClickHouse server, or it wants TLS on this port.", field="secure")
    return Unreachable("The connection to the server was lost.")
