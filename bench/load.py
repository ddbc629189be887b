"""A small HTTP load generator over raw sockets: little of a measurement is its own time."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """Answers a second, and the median time of one in milliseconds."""

    rate: float
    p50: float


def post(path: str, body: bytes, key: str) -> bytes:
    """A request's bytes, for a connection that stays open."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def measure(port: int, request: Callable[[int], bytes], connections: int, seconds: float) -> Load:
    """Ask as fast as `connections` connections can; `request` makes the n-th request."""
    return asyncio.run(_measure(port, request, connections, seconds))


async def _measure(port: int, request: Callable[[int], bytes], connections: int, seconds: float) -> Load:
    times: list[float] = []
    began = time.perf_counter()
    end = began + seconds
    await asyncio.gather(*(_client(port, request, end, times, (i, connections)) for i in range(connections)))
    return Load(len(times) / (time.perf_counter() - began), statistics.median(times) * 1e3)


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
    place = head.lower().index(b"content-length:") + 15
    await reader.readexactly(int(head[place : head.index(b"\r", place)]))
