"""Who really asked, by which address: `X-Forwarded-*`, believed of the proxies that the setting names."""

import ipaddress
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
_HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_SCHEMES = frozenset({b"http", b"https"})


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks parted by commas; `*` is everybody. Raises `ValueError`."""
    words = [word for part in text.split(",") if (word := part.strip())]
    if "*" in words:
        return (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
    return tuple(ipaddress.ip_network(word) for word in words)


class Proxies:
    """ASGI middleware: puts the client, scheme and host that a trusted proxy tells in place of the proxy's own."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app, self._trusted = app, tuple(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client") and self._trusts(_parsed(scope["client"][0])):
            self._rewrite(scope)
        await self._app(scope, receive, send)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)

    def _rewrite(self, scope: Scope) -> None:
        told: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name.startswith(b"x-forwarded-"):
                # Several headers of a name are one list.
                told[name] = told[name] + b"," + value if name in told else value
        if (client := self._client(told.get(b"x-forwarded-for", b""))) is not None:
            scope["client"] = (str(client), 0)
        scheme = _last(told.get(b"x-forwarded-proto", b"")).lower()
        if scheme in _SCHEMES:
            scope["scheme"] = scheme.decode()
        host = _last(told.get(b"x-forwarded-host", b""))
        if _HOST.fullmatch(host):
            scope["headers"] = [(b"host", host), *(pair for pair in scope["headers"] if pair[0] != b"host")]

    def _client(self, told: bytes) -> Address | None:
        """The nearest address that is no proxy of ours: what stands left of it, its sender may have made up."""
        nearest = None
        for word in reversed(told.decode("latin-1").split(",")):
            address = _parsed(word.strip())
            if address is None:
                break
            nearest = address
            if not self._trusts(address):
                break
        return nearest


def _last(told: bytes) -> bytes:
    """What the nearest proxy said."""
    return told.rpartition(b",")[2].strip()


def _parsed(text: str) -> Address | None:
    """An address, with or without a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
