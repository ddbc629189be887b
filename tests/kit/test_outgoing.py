"""No address of the inside gets past the guard, however it is written."""

import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.kit.outgoing import OutgoingGuard, Refusal, Refused, is_public

PUBLIC = "93.184.216.34"


def answering(*addresses: str) -> Callable[[str, int], frozenset[str]]:
    def resolve(host: str, _port: int) -> frozenset[str]:
        try:
            return frozenset({str(ipaddress.ip_address(host))})
        except ValueError:
            return frozenset(addresses)

    return resolve


def refusal(url: str, *addresses: str) -> Refusal | None:
    try:
        OutgoingGuard(resolver=answering(*(addresses or (PUBLIC,)))).check(url)
    except Refused as refused:
        return refused.refusal
    return None


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com/data/*.csv",
        "https://storage.example.com:9000/bucket/x.parquet",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/bucket/x",
        "https://example.com./b/x",
        "https://example.com/b/{a,b}/x?.csv",
    ],
)
def test_public_addresses_pass(url: str) -> None:
    assert refusal(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com/b/x", Refusal.SCHEME),
        ("ftp://example.com/b/x", Refusal.SCHEME),
        ("file:///etc/passwd", Refusal.SCHEME),
        ("s3://bucket/x", Refusal.SCHEME),
        ("", Refusal.SCHEME),
        ("//example.com/x", Refusal.SCHEME),
        ("https:///x.csv", Refusal.NO_HOST),
        ("https://", Refusal.NO_HOST),
        ("https://user:pw@example.com/x", Refusal.CREDENTIALS),
        ("https://example.com@10.0.0.1/x", Refusal.CREDENTIALS),
        ("https://localhost/x.csv", Refusal.LOCAL_NAME),
        ("https://LOCALHOST./x.csv", Refusal.LOCAL_NAME),
        ("https://a.localhost/x.csv", Refusal.LOCAL_NAME),
        ("https://metadata.google.internal/x", Refusal.LOCAL_NAME),
        ("https://example.com\\@10.0.0.1/x", Refusal.MALFORMED),
        ("https://exa mple.com/x", Refusal.MALFORMED),
        ("https://example.com/\n", Refusal.MALFORMED),
        ("https://example.com:0/x", Refusal.MALFORMED),
        ("https://example.com:99999/x", Refusal.MALFORMED),
        ("https://example.com:/x", Refusal.MALFORMED),
        ("https://{10.0.0.1,example.com}/x", Refusal.MALFORMED),
        ("https://*.example.com/x", Refusal.MALFORMED),
        ("https://%31%30.0.0.1/x", Refusal.MALFORMED),
        ("https://[::1", Refusal.MALFORMED),
        ("https://[v1.a]/x", Refusal.MALFORMED),
        ("https://ex..ample.com/x", Refusal.MALFORMED),
    ],
)
def test_other_forms_are_refused(url: str, expected: Refusal) -> None:
    assert refusal(url) is expected


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200"),
        *("0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "168.63.129.16"),
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1"),
        "fe80::1%eth0",
    ],
)
def test_internal_addresses_are_refused_as_answers_and_as_hosts(address: str) -> None:
    assert not is_public(address)
    assert refusal("https://evil.example.com/b/x", address) is Refusal.INTERNAL
    if "%" not in address:
        host = f"[{address}]" if ":" in address else address
        assert refusal(f"https://{host}/b/x") is Refusal.INTERNAL


def test_one_internal_answer_among_public_ones_is_enough() -> None:
    assert refusal("https://mixed.example.com/b/x", PUBLIC, "10.0.0.1") is Refusal.INTERNAL


@pytest.mark.parametrize("url", ["https://2130706433/b/x", "https://0x7f.1/b/x", "https://0177.0.0.1/b/x"])
def test_numbers_that_resolvers_read_as_addresses_are_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        OutgoingGuard().check(url)
    assert caught.value.refusal in {Refusal.INTERNAL, Refusal.UNRESOLVABLE}


def test_a_name_that_is_nowhere_is_unresolvable() -> None:
    def nowhere(_host: str, _port: int) -> frozenset[str]:
        raise OSError("no such name")

    with pytest.raises(Refused, match="could not be resolved"):
        OutgoingGuard(resolver=nowhere).check("https://nowhere.invalid/b/x")


def test_a_name_pointed_elsewhere_is_refused_once_the_memory_is_over() -> None:
    answers = [frozenset({PUBLIC}), frozenset({"10.0.0.1"})]
    guard = OutgoingGuard(resolver=lambda _host, _port: answers.pop(0), seconds=0)
    guard.check("https://moving.example.com/b/x")
    with pytest.raises(Refused):
        guard.check("https://moving.example.com/b/x")


def test_verdicts_are_remembered_for_a_moment() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> frozenset[str]:
        asked.append(host)
        return frozenset({PUBLIC})

    guard = OutgoingGuard(resolver=resolve)
    for _ in range(5):
        guard.check("https://example.com/b/x")
    assert asked == ["example.com"]


def test_private_hosts_may_be_allowed_but_not_other_schemes() -> None:
    guard = OutgoingGuard(allow_private=True)
    assert guard.check("http://127.0.0.1:9000/b/x").port == 9000
    for url in ("file:///etc/passwd", "http://user:pw@host/x"):
        with pytest.raises(Refused):
            guard.check(url)


@given(st.ip_addresses(v=4))
def test_mapped_addresses_are_as_public_as_what_they_map(address: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))
    assert is_public(str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address)))) == is_public(str(address))


@given(st.ip_addresses())
def test_private_networks_are_never_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_public(str(address)) or (address.version == 6 and address.ipv4_mapped is not None)


def test_addresses_of_a_host_are_those_to_connect_to() -> None:
    guard = OutgoingGuard(resolver=lambda _host, _port: frozenset({"2606:4700::1", "93.184.216.34"}))
    assert guard.addresses("db.example.com.", 5432) == ("93.184.216.34", "2606:4700::1")


@pytest.mark.parametrize(
    ("host", "found", "refusal"),
    [
        ("db.example.com", {"93.184.216.34", "10.0.0.1"}, Refusal.INTERNAL),
        ("db.example.com", set(), Refusal.UNRESOLVABLE),
        ("LOCALHOST", {"93.184.216.34"}, Refusal.LOCAL_NAME),
        ("/run/socket", {"93.184.216.34"}, Refusal.MALFORMED),
        ("one,two", {"93.184.216.34"}, Refusal.MALFORMED),
        ("", {"93.184.216.34"}, Refusal.MALFORMED),
    ],
)
def test_addresses_that_may_not_be_called_are_refused(host: str, found: set[str], refusal: Refusal) -> None:
    with pytest.raises(Refused) as caught:
        OutgoingGuard(resolver=lambda _host, _port: frozenset(found)).addresses(host, 5432)
    assert caught.value.refusal is refusal


def test_private_hosts_are_reached_where_that_is_allowed() -> None:
    guard = OutgoingGuard(allow_private=True, resolver=lambda _host, _port: frozenset({"127.0.0.1"}))
    assert guard.addresses("localhost", 5432) == ("127.0.0.1",)
