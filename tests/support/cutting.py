"""A way to a server that is cut in the middle of its answers, as networks do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass
class Way:
    """Listens on `port`. As long as `cuts` are left, a connection is cut once `after` bytes of answers have passed.

    `passed` counts the bytes of all answers.
    """

    port: int
    cuts: int = 0
    after: int = 0
    made: int = 0
    passed: int = 0


@contextmanager
def way_to(port: int) -> Iterator[Way]:
    """A way to a port of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    way = Way(listening.getsockname()[1])

    def pump(inside: socket.socket, outside: socket.socket, counts: bool) -> None:
        seen = 0
        with suppress(OSError):
            while chunk := inside.recv(65_536):
                seen += len(chunk)
                way.passed += len(chunk) if counts else 0
                if counts and way.cuts and seen > way.after:
                    way.cuts -= 1
                    way.made += 1
                    break
                outside.sendall(chunk)
        for each in (inside, outside):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def pair(client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            asking = threading.Thread(target=pump, args=(client, server, False), daemon=True)
            asking.start()
            pump(server, client, True)
            asking.join()

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=pair, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield way
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
