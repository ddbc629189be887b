"""Sockets: taken ports, addresses that are not ours."""

import socket

import pytest

from hedgerow.web.serving import CannotListen, address, listen


def test_free_port() -> None:
    with listen("127.0.0.1", 0) as bound:
        assert address(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"
        with socket.create_connection(bound.getsockname(), 1):
            pass


def test_taken_port_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"^Cannot listen on port {port} of 127\.0\.0\.1: it is in use\."):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["198.51.100.7", "no.such.host.invalid"])
def test_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(CannotListen, match=r"^Cannot listen on"):
        listen(host, 0)


def test_address_of_all_interfaces_is_this_machine() -> None:
    with listen("0.0.0.0", 0) as bound:
        assert address(bound).startswith("http://127.0.0.1:")
