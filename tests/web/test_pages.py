"""Pages: limits, offsets, links."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from hedgerow.kit.errors import NotFound
from hedgerow.web.pages import by_offset, by_page


def request(query: str = "", path: str = "/api/projects/1/things/", site_url: str = "") -> Request:
    app = FastAPI()
    app.state.site_url = site_url
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "server": ("testserver", 80),
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver")],
        "app": app,
    }
    return Request(scope)


BASE = "http://testserver/api/projects/1/things/"


def test_first_page_of_many() -> None:
    envelope = by_offset(request()).envelope(250, ["a"])
    expected = {"count": 250, "next": f"{BASE}?limit=100&offset=100", "previous": None, "results": ["a"]}
    assert envelope == expected


def test_links_keep_other_parameters_and_drop_the_key() -> None:
    part = by_offset(request("search=a%20b&limit=10&offset=15&personal_api_key=phx_secret&tag=1&tag=2"))
    assert (part.limit, part.offset) == (10, 15)
    envelope = part.envelope(100, [])
    assert envelope["next"] == f"{BASE}?search=a+b&tag=1&tag=2&limit=10&offset=25"
    assert envelope["previous"] == f"{BASE}?search=a+b&tag=1&tag=2&limit=10&offset=5"


def test_link_back_to_the_start_has_no_offset() -> None:
    assert by_offset(request("limit=10&offset=7")).envelope(100, [])["previous"] == f"{BASE}?limit=10"


@pytest.mark.parametrize("query", ["limit=x&offset=y", "limit=-1&offset=-5", "limit=0", "limit=&offset=", "limit=1e3"])
def test_values_that_make_no_sense_count_as_not_given(query: str) -> None:
    part = by_offset(request(query))
    assert (part.limit, part.offset) == (100, 0)


def test_limits_have_a_limit() -> None:
    part = by_offset(request("limit=99999999999999999999&offset=99999999999999999999"))
    assert (part.limit, part.offset) == (100, 0)
    part = by_offset(request("limit=5000&offset=99999999999"))
    assert (part.limit, part.offset) == (1000, 2**31 - 1)
    assert part.envelope(10, [])["next"] is None


def test_site_url_comes_before_the_requests_own() -> None:
    envelope = by_offset(request("limit=1", site_url="https://data.example.org/")).envelope(3, [])
    assert envelope["next"] == "https://data.example.org/api/projects/1/things/?limit=1&offset=1"


def test_forwarded_headers_do_not_count() -> None:
    made = request("limit=1")
    made.scope["headers"] += [(b"x-forwarded-host", b"evil.example"), (b"x-forwarded-proto", b"https")]
    assert by_offset(made).envelope(3, [])["next"].startswith("http://testserver/")


def test_pages_by_number() -> None:
    first, middle = by_page(request(), 10), by_page(request("page=2&x=1"), 10)
    assert (first.limit, first.offset, middle.offset) == (10, 0, 10)
    assert first.envelope(25, [])["next"] == f"{BASE}?page=2"
    assert first.envelope(25, [])["previous"] is None
    assert middle.envelope(25, [])["next"] == f"{BASE}?x=1&page=3"
    assert middle.envelope(25, [])["previous"] == f"{BASE}?x=1"
    assert by_page(request("page=3"), 10).envelope(25, [])["next"] is None
    assert first.envelope(0, [])["results"] == []


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.5", "99999999999999999999"])
def test_what_is_not_a_page(page: str) -> None:
    with pytest.raises(NotFound, match=r"Invalid page\."):
        by_page(request(f"page={page}"), 10)


def test_page_past_the_end() -> None:
    with pytest.raises(NotFound, match=r"Invalid page\."):
        by_page(request("page=4"), 10).envelope(30, [])


@given(count=st.integers(0, 60), limit=st.integers(1, 20))
def test_following_next_always_reads_everything_once(count: int, limit: int) -> None:
    seen: list[int] = []
    query = f"limit={limit}"
    while True:
        part = by_offset(request(query))
        envelope = part.envelope(count, list(range(count))[part.offset : part.offset + part.limit])
        seen += envelope["results"]
        if envelope["next"] is None:
            break
        query = urlsplit(envelope["next"]).query
        assert parse_qs(query)["limit"] == [str(limit)]
    assert seen == list(range(count))
