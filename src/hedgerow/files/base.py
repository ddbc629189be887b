"""The protocol of a place for files, its errors, and what a key looks like."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
CHUNK_BYTES = 1 << 20


class MissingFile(Exception):
    """There is no file under that key."""


class FilesUnavailable(Exception):
    """The place cannot be reached, refuses us, or is full; the text is fit for a caller."""

    def __init__(self, text: str = "File storage is not available now. Try again in a moment.") -> None:
        super().__init__(text)


class Files(Protocol):
    """Files by key (`p1/…/data.csv`). A file is there whole or not at all. Methods raise this module's errors only."""

    async def put(self, key: str, source: Path) -> None:
        """Keep the file at `source`, replacing what was under `key`. The source may be moved away: it is given up."""
        ...

    def read(self, key: str) -> AsyncIterator[bytes]:
        """The content in chunks; raises `MissingFile` at its first step."""
        ...

    async def size(self, key: str) -> int:
        """Bytes; raises `MissingFile`."""
        ...

    async def keys(self, prefix: str) -> list[str]:
        """Every key that begins with `prefix`, in order."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        ...

    async def ready(self) -> bool:
        """Whether files can be kept now."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def checked(key: str) -> str:
    """The key; raises `ValueError` for one that could leave the place it belongs to."""
    if len(key) > 500 or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a file key")
    return key
