"""A form is read the same however it is cut into chunks, and never held in memory."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.kit.errors import InvalidInput, MalformedBody
from hedgerow.warehouse.uploads.receiving import Received, Reception, too_large

TYPE = "multipart/form-data; boundary=frontier"


def form(content: bytes, file_name: str = "t.csv") -> bytes:
    return (
        b'--frontier\r\nContent-Disposition: form-data; name="format"\r\n\r\nCSV\r\n'
        b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="'
        + file_name.encode()
        + b'"\r\nContent-Type: text/csv\r\n\r\n'
        + content
        + b'\r\n--frontier\r\nContent-Disposition: form-data; name="name"\r\n\r\nn\xc3\xa4me\r\n--frontier--\r\n'
    )


async def _chunks(body: bytes, sizes: list[int]) -> AsyncIterator[bytes]:
    position = 0
    for size in [*sizes, len(body)]:
        yield body[position : position + size]
        position += size


def receive(folder: Path, body: bytes, sizes: list[int], most: int = 1 << 20) -> Received:
    return asyncio.run(Reception(folder, most).take(TYPE, _chunks(body, sizes)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("incoming")


@given(content=st.binary(min_size=1, max_size=300), sizes=st.lists(st.integers(1, 60), max_size=60))
def test_chunks_do_not_matter(folder: Path, content: bytes, sizes: list[int]) -> None:
    received = receive(folder, form(content), sizes)
    assert received.path is not None
    assert received.path.read_bytes() == content
    assert (received.size, received.file_name) == (len(content), "t.csv")
    assert received.fields == {"format": "CSV", "name": "näme"}
    received.discard()
    assert list(folder.iterdir()) == []


@given(cut=st.integers(0, len(form(b"id,v\n1,2\n")) - 20), sizes=st.lists(st.integers(1, 60), max_size=20))
def test_a_form_that_ends_early_leaves_nothing(folder: Path, cut: int, sizes: list[int]) -> None:
    with pytest.raises(MalformedBody):
        receive(folder, form(b"id,v\n1,2\n")[:cut], sizes)
    assert list(folder.iterdir()) == []


def test_the_limit_is_exact(folder: Path) -> None:
    receive(folder, form(b"x" * 1000), [], most=1000).discard()
    with pytest.raises(InvalidInput, match="File size exceeds maximum allowed size"):
        receive(folder, form(b"x" * 1001), [100] * 20, most=1000)
    assert list(folder.iterdir()) == []
    assert too_large(52_428_800) == "File size exceeds maximum allowed size of 50MB"


def test_many_or_large_fields_are_refused(folder: Path) -> None:
    part = b'--frontier\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
    for body in (part + b"x" * 70_000, (part + b"x\r\n") * 60):
        with pytest.raises(InvalidInput, match="at most"):
            receive(folder, body, [])


def test_a_large_file_is_never_in_memory(folder: Path) -> None:
    size, piece = 64 << 20, b"0123456789abcde\n" * 4096
    head, tail = form(b"SPLIT").split(b"SPLIT")

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(size // len(piece)):
            yield piece
        yield tail

    tracemalloc.start()
    try:
        received = asyncio.run(Reception(folder, size).take(TYPE, body()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert received.size == size
    assert peak < 8 << 20
    received.discard()
