"""The client of a project: pages, waiting, and errors in the server's own words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from hedgerow.gitops.faults import Refused, Unreachable
from hedgerow.gitops.remote import Remote, connect


def test_pages_are_followed(remote: Remote) -> None:
    for number in range(5):
        query = {"kind": "HogQLQuery", "query": f"select {number}"}
        remote.post("endpoints/", {"name": f"e{number}", "query": query})
    found = [each["name"] for each in remote.pages("endpoints/", limit=2)]
    assert sorted(found) == ["e0", "e1", "e2", "e3", "e4"]
    assert remote.delete("endpoints/e0/") is None


def test_a_refusal_has_the_servers_words(remote: Remote) -> None:
    with pytest.raises(Refused) as caught:
        remote.post("endpoints/", {"name": "e", "query": {"kind": "HogQLQuery", "query": "selec"}})
    assert caught.value.status == 400
    assert caught.value.attr == "query"
    assert str(caught.value).startswith("POST endpoints/: 400 Invalid HogQL query")
    with pytest.raises(Refused, match="404"):
        remote.get("endpoints/nothing/")


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(*answers: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers, one after the other, the last for good; what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, content = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def connected(host: str) -> Iterator[Remote]:
    remote = connect(host, "phx_x", "7")
    with remote.client:
        yield remote


def test_it_waits_where_it_is_told_to() -> None:
    busy: Answer = (429, {"Retry-After": "0"}, b'{"detail": "slowly"}')
    with serving(busy, busy, (200, {}, b'{"a": 1}')) as (host, asked), connected(host) as remote:
        assert remote.get("x/") == {"a": 1}
        assert asked == ["/api/projects/7/x/"] * 3
    with serving((429, {}, b'{"detail": "slowly"}')) as (host, asked), connected(host) as remote:
        with pytest.raises(Refused, match="429 slowly"):
            remote.get("x/")
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {}, b"<html>"), "answers no JSON"),
        ((302, {"Location": "https://elsewhere/"}, b""), "moved to https://elsewhere/"),
        ((502, {}, b"bad gateway"), "502 bad gateway"),
        ((400, {}, b'{"error": "no such version", "current_version": 2}'), "400 no such version"),
        ((400, {}, b"[1]"), r"400 \[1\]"),
    ],
)
def test_what_answers_may_be_no_such_server(answer: Answer, words: str) -> None:
    with serving(answer) as (host, _), connected(host) as remote, pytest.raises((Refused, Unreachable), match=words):
        remote.get("x/")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: connect("http://127.0.0.1:1", "phx_x", "1").get("x/"), "no answer from http://127.0.0.1:1"),
        (lambda: connect("http://127.0.0.1:1", "", "1"), "no key"),
        (lambda: connect("http://127.0.0.1:1", "phx_\n", "1"), "the key holds"),
        (lambda: connect("ftp://x", "phx_x", "1"), "no address"),
        (lambda: connect("http://", "phx_x", "1"), "no address"),
        (lambda: connect("http://a:b", "phx_x", "1"), "a:b"),
    ],
)
def test_an_address_may_be_wrong(call: Callable[[], object], words: str) -> None:
    with pytest.raises(Unreachable, match=words):
        call()
