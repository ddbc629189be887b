"""`clickhouse://user:password@host:8123,other:8123/?cluster=name&secure=1` in parts."""

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from hedgerow.kit.errors import HedgerowError


class EngineUrlWrong(HedgerowError):
    """`HEDGEROW_ENGINE_URL` names no engine there is."""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """Where a server or cluster is, and how to log in. The first host answers queries, the others when it does not."""

    hosts: tuple[tuple[str, int], ...]
    user: str
    password: str
    secure: bool
    cluster: str | None


def parse(url: str) -> ServerUrl:
    """The URL's parts; raises `EngineUrlWrong` without repeating its password."""
    parts = urlsplit(url)
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    options = parse_qs(parts.query)
    secure = options.get("secure", ["0"])[0] in {"1", "true"} or parts.scheme == "clickhouses"
    try:
        hosts = tuple(_host(place, 8443 if secure else 8123) for place in places.split(","))
    except ValueError:
        hosts = ()
    if parts.scheme not in {"clickhouse", "clickhouses"} or not hosts or not all(host for host, _ in hosts):
        raise EngineUrlWrong("HEDGEROW_ENGINE_URL must be chdb: or clickhouse://user:password@host:8123/?cluster=name")
    cluster = options.get("cluster", [None])[0]
    return ServerUrl(hosts, unquote(user) or "default", unquote(password), secure, cluster)


def _host(place: str, port: int) -> tuple[str, int]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, int(rest.lstrip(":") or port)
    host, _, number = place.partition(":")
    return host, int(number or port)
