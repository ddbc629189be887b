"""A small HTTP load generator over raw sockets: little of a measurement is its own time."""

import asyncio
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """Answers a second, and the times of one in milliseconds: the median, and what 99 of 100 stay below."""

    rate: float
    p50: float
    p99: float = 0.0


def post(path: str, body: bytes, key: str) -> bytes:
    """A request's bytes, for a connection that stays open."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    """The same for what needs no body and no key."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def measure(port: int, request: Callable[[int], bytes], connections: int, seconds: float) -> Load:
    """Ask as fast as `connections` connections can; `request` makes the n-th request."""
    if connections == 1:
        return _alone(port, request, seconds)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(port, request, connections, seconds))


def _alone(port: int, request: Callable[[int], bytes], seconds: float) -> Load:
    """One connection, without an event loop's own time."""
    times: list[float] = []
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = time.perf_counter()
        while (began := time.perf_counter()) < start + seconds:
            connection.sendall(request(len(times)))
            head = answers.readline()
            assert b" 200 " in head, head
            length, chunked = 0, False
            while (line := answers.readline().lower()) != b"\r\n":
                if line.startswith(b"content-length:"):
                    length = int(line[15:])
                chunked = chunked or line.startswith(b"transfer-encoding: chunked")
            answers.read(length)
            while chunked and (length := int(answers.readline(), 16)):
                answers.read(length + 2)
            if chunked:
                answers.readline()
            times.append(time.perf_counter() - began)
    return _load(times, seconds)


async def _measure(port: int, request: Callable[[int], bytes], connections: int, seconds: float) -> Load:
    times: list[float] = []
    began = time.perf_counter()
    end = began + seconds
    await asyncio.gather(*(_client(port, request, end, times, (i, connections)) for i in range(connections)))
    return _load(times, time.perf_counter() - began)


def _load(times: list[float], seconds: float) -> Load:
    ordered = sorted(times)
    return Load(len(times) / seconds, statistics.median(ordered) * 1e3, ordered[len(ordered) * 99 // 100] * 1e3)


async def _client(
    port: int, request: Callable[[int], bytes], end: float, times: list[float], share: tuple[int, int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number, step = share
    while (began := time.perf_counter()) < end:
        writer.write(request(number))
        await _answer(reader)
        times.append(time.perf_counter() - began)
        number += step
    writer.close()
    await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head[:16]:
        raise AssertionError(head.decode(errors="replace") + (await reader.read(500)).decode(errors="replace"))
    if b"transfer-encoding: chunked" in head.lower():
        while length := int(await reader.readline(), 16):
            await reader.readexactly(length + 2)
        await reader.readline()
        return
    place = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[place : head.index(b"\r", place)]))
