"""Behind a proxy: what it forwards is believed of those the setting names, and of nobody else."""

from typing import Any

import pytest

from hedgerow.kit.settings import SettingsWrong, load
from hedgerow.web.edge.proxies import Proxies, networks

PROXY, CLIENT = "10.0.0.1", "203.0.113.7"

pytestmark = pytest.mark.anyio


async def _seen(trusted: str, sender: str | None, *headers: tuple[str, str]) -> dict[str, Any]:
    """What the application is told: client, scheme and host."""
    found: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        hosts = [value.decode() for name, value in scope["headers"] if name == b"host"]
        found.update(client=scope["client"] and scope["client"][0], scheme=scope["scheme"], host=hosts)

    plain = [(b"host", b"inside:8000"), *((name.lower().encode(), value.encode()) for name, value in headers)]
    client = (sender, 1234) if sender else None
    scope = {"type": "http", "client": client, "scheme": "http", "headers": plain}
    await Proxies(app, networks(trusted))(scope, None, None)  # type: ignore[arg-type]
    return found


FORWARDED = (
    ("X-Forwarded-For", CLIENT),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "api.example:8443"),
)
BELIEVED = {"client": CLIENT, "scheme": "https", "host": ["api.example:8443"]}


@pytest.mark.parametrize("trusted", [PROXY, "10.0.0.0/8", "192.168.0.0/16, 10.0.0.1", "*"])
async def test_a_trusted_proxy_is_believed(trusted: str) -> None:
    assert await _seen(trusted, PROXY, *FORWARDED) == BELIEVED


@pytest.mark.parametrize("sender", ["10.0.0.2", "203.0.113.9", "::1", "testclient", None])
async def test_nobody_else_is(sender: str | None) -> None:
    expected = {"client": sender, "scheme": "http", "host": ["inside:8000"]}
    assert await _seen(PROXY, sender, *FORWARDED) == expected


@pytest.mark.parametrize(
    ("told", "client"),
    [
        (f"1.2.3.4, {CLIENT}", CLIENT),
        (f"1.2.3.4, {CLIENT}, 10.0.0.9", CLIENT),
        ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
        (f"{CLIENT}:5000", CLIENT),
        ("[2001:db8::1]:5000", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", CLIENT),
        (f"nonsense, {CLIENT}", CLIENT),
        ("1.2.3.4, nonsense", PROXY),
        ("", PROXY),
        ("unknown", PROXY),
    ],
)
async def test_the_client_is_the_nearest_address_that_is_no_proxy(told: str, client: str) -> None:
    assert (await _seen("10.0.0.0/8", PROXY, ("X-Forwarded-For", told)))["client"] == client


async def test_repeated_headers_are_one_list() -> None:
    seen = await _seen("10.0.0.0/8", PROXY, ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", CLIENT))
    assert seen["client"] == CLIENT


@pytest.mark.parametrize("host", ["evil/path", "a b", "x" * 300, "", "user@host", "host:port", 'a"b'])
async def test_what_is_no_host_or_scheme_is_passed_over(host: str) -> None:
    seen = await _seen(PROXY, PROXY, ("X-Forwarded-Host", host), ("X-Forwarded-Proto", "javascript"))
    assert (seen["host"], seen["scheme"]) == (["inside:8000"], "http")


async def test_other_kinds_of_scope_pass() -> None:
    passed = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        passed.append(scope["type"])

    await Proxies(app, networks("*"))({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert passed == ["lifespan"]


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/33", "10.0.0.1/8", "1.2.3"])
def test_what_is_no_network_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(SettingsWrong, match="HEDGEROW_TRUSTED_PROXIES"):
        load({"trusted_proxies": text})
