"""The one guard in front of addresses that users name: no internal host may be reached through this server."""

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable
from enum import Enum
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\\"'`<>^|]")
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "metadata.google.internal")
# Networks that carry an IPv4 address inside an IPv6 one, and where in it: NAT64, its local form, 6to4, IPv4-compatible.
_CARRIERS = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
    (ipaddress.IPv6Network("::/96"), 0),
)
_CLOUD_METADATA = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))


class Refusal(Enum):
    """Why an address may not be called; the value is a phrase for the caller, to follow what the address is of."""

    MALFORMED = "is not a valid URL."
    SCHEME = "must use https."
    NO_HOST = "must have a hostname."
    CREDENTIALS = "must not contain credentials."
    LOCAL_NAME = "hostname is not allowed."
    INTERNAL = "hostname must not resolve to internal IP ranges."
    UNRESOLVABLE = "hostname could not be resolved."


class Refused(Exception):
    """The address may not be called."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.value)


Resolver = Callable[[str, int], frozenset[str]]


def resolve(host: str, port: int) -> frozenset[str]:
    """Every address of a name; raises `OSError` where there is none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return frozenset(str(answer[4][0]) for answer in answers)


class OutgoingGuard:
    """Checks URLs before they are kept and again before each use, since names can be pointed elsewhere.

    Strict: https only, no credentials in the URL, and every address of the host public. With `allow_private`: http or
    https, and any host. Blocking (it resolves names): call `check` from a thread. Verdicts on hosts are remembered for
    `seconds`.
    """

    def __init__(self, allow_private: bool = False, resolver: Resolver = resolve, seconds: float = 10.0) -> None:
        self.allow_private = allow_private
        self._resolver, self._seconds = resolver, seconds
        self._verdicts: dict[str, tuple[float, Refusal | None]] = {}
        self._lock = threading.Lock()

    def check(self, url: str) -> SplitResult:
        """The URL in parts; raises `Refused`."""
        parts = _split(url)
        if parts.scheme != "https" and not (self.allow_private and parts.scheme == "http"):
            raise Refused(Refusal.SCHEME)
        if "@" in parts.netloc:
            raise Refused(Refusal.CREDENTIALS)
        host = _host(parts)
        if not self.allow_private and (refusal := self.verdict(host)) is not None:
            raise Refused(refusal)
        return parts

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of a host, to connect to one of just these and ask no name again; raises `Refused`.

        Strict: every one of them is public. IPv4 comes first.
        """
        if not _HOST.fullmatch(host) and not _is_address(host):
            raise Refused(Refusal.MALFORMED)
        name = host.rstrip(".").lower()
        if not self.allow_private and (name in _LOCAL_NAMES or name.endswith(".localhost")):
            raise Refused(Refusal.LOCAL_NAME)
        try:
            found = self._resolver(name, port)
        except (OSError, UnicodeError):
            found = frozenset()
        if not found:
            raise Refused(Refusal.UNRESOLVABLE)
        if not self.allow_private and not all(is_public(address) for address in found):
            raise Refused(Refusal.INTERNAL)
        return tuple(sorted(found, key=lambda address: (":" in address, address)))

    def verdict(self, host: str) -> Refusal | None:
        """Whether a strict guard refuses a host, from memory where it was asked a moment ago."""
        now = time.monotonic()
        known = self._verdicts.get(host)
        if known is not None and now - known[0] < self._seconds:
            return known[1]
        refusal = self._judge(host)
        with self._lock:
            if len(self._verdicts) > 1000:
                self._verdicts.clear()
            self._verdicts[host] = (now, refusal)
        return refusal

    def _judge(self, host: str) -> Refusal | None:
        if host in _LOCAL_NAMES or host.endswith(".localhost"):
            return Refusal.LOCAL_NAME
        try:
            addresses = self._resolver(host, 443)
        except (OSError, UnicodeError):
            return Refusal.UNRESOLVABLE
        if not addresses:
            return Refusal.UNRESOLVABLE
        return None if all(is_public(address) for address in addresses) else Refusal.INTERNAL


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether an address, as text, belongs to the open internet."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return _is_open(carried)
    return _is_open(address)


def _is_open(address: Address) -> bool:
    closed = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    return address.is_global and not closed and address not in _CLOUD_METADATA


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.teredo is not None:
        return address.teredo[1]
    for network, shift in _CARRIERS:
        if address in network:
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def _split(url: str) -> SplitResult:
    """The parts of a URL that every parser reads alike; others are refused."""
    if _UNSAFE.search(url):
        raise Refused(Refusal.MALFORMED)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused(Refusal.MALFORMED) from None
    if port == 0 or parts.netloc.endswith(":"):
        raise Refused(Refusal.MALFORMED)
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".").lower()
    if not host:
        raise Refused(Refusal.NO_HOST)
    if "[" in parts.netloc:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError:
            raise Refused(Refusal.MALFORMED) from None
    if not _HOST.fullmatch(host) or ".." in host:
        raise Refused(Refusal.MALFORMED)
    return host
