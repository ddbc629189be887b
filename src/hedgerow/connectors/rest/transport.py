"""HTTP to guarded addresses only: a name is resolved once, and just the addresses that the guard saw are used."""

import ssl
from types import TracebackType
from typing import Any

import httpx

from hedgerow.connectors.base import Refused
from hedgerow.connectors.reaching import addresses
from hedgerow.kit import outgoing
from hedgerow.kit.outgoing import OutgoingGuard, Refusal

_PORTS = {"http": 80, "https": 443}


class GuardedTransport(httpx.BaseTransport):
    """Keeps connections, apart for each host, until it is closed. `field` is the form's that names the host.

    Without `verify`, certificates may be anybody's.
    """

    def __init__(self, guard: OutgoingGuard, field: str | None = None, verify: bool = True) -> None:
        self._guard, self._field, self._verify = guard, field, verify
        self._context: ssl.SSLContext | None = None
        self._known: dict[tuple[str, int], tuple[str, ...]] = {}
        self._by_host: dict[tuple[str, int], httpx.HTTPTransport] = {}

    def __enter__(self) -> "GuardedTransport":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or _PORTS.get(request.url.scheme, 443)
        found = self._addresses(request.url, host, port)
        for last, address in enumerate(found, start=1 - len(found)):
            # The certificate is checked against the name, not against the address.
            aimed = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # `Host` is among them
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return self._transport(request.url, port).handle_request(aimed)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if last == 0:
                    raise
        raise httpx.ConnectError("no address", request=request)

    def _addresses(self, url: httpx.URL, host: str, port: int) -> tuple[str, ...]:
        if (host, port) not in self._known:
            try:
                # The scheme and the form of the URL; its addresses are the next line's.
                self._guard.check(str(url.copy_with(query=None, fragment=None)))
            except outgoing.Refused as refused:
                if refused.refusal in {Refusal.SCHEME, Refusal.CREDENTIALS, Refusal.MALFORMED, Refusal.NO_HOST}:
                    raise Refused(f"The address {refused.refusal.value}", field=self._field) from None
            self._known[host, port] = addresses(self._guard, host, port, self._field)
        return self._known[host, port]

    def _transport(self, url: httpx.URL, port: int) -> httpx.HTTPTransport:
        kept = self._by_host.get((url.host, port))
        if kept is None:
            if self._context is None and url.scheme == "https":
                self._context = httpx.create_ssl_context(
                    verify=self._verify, trust_env=False
                )  # takes a moment: made once
            kept = httpx.HTTPTransport(verify=self._context or False, trust_env=False)
            self._by_host[url.host, port] = kept
        return kept

    def close(self) -> None:
        """Let every connection go."""
        for transport in self._by_host.values():
            transport.close()
        self._by_host.clear()


class LedTransport(httpx.BaseTransport):
    """HTTP to one address and port, whatever host a URL names: certificates are checked against that host's name."""

    def __init__(self, address: str, port: int, verify: bool = True) -> None:
        self._to: dict[str, Any] = {"host": address, "port": port}
        self._transport = httpx.HTTPTransport(verify=verify, trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        aimed = httpx.Request(
            request.method,
            request.url.copy_with(**self._to),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return self._transport.handle_request(aimed)

    def close(self) -> None:
        """Let the connection go."""
        self._transport.close()
