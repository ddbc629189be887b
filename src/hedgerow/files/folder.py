"""Files in a folder of this machine."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from hedgerow.files.base import CHUNK_BYTES, FilesUnavailable, MissingFile, checked

_PARTIAL = ".partial-"


class FolderFiles:
    """`Files` under one folder, made when missing and closed to other users. Making it may raise `OSError`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def put(self, key: str, source: Path) -> None:
        """See `Files.put`."""
        await asyncio.to_thread(self._put, self._path(key), source)

    def _put(self, path: Path, source: Path) -> None:
        partial = path.with_name(f"{_PARTIAL}{uuid4().hex}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                source.rename(partial)
            except OSError:  # another file system
                shutil.copyfile(source, partial)
            partial.chmod(0o600)
            _sync(partial)
            partial.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise FilesUnavailable(f"The file could not be kept: {error.strerror}.") from None

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """See `Files.read`."""
        path = self._path(key)
        try:
            content = await asyncio.to_thread(path.open, "rb")
        except OSError as error:
            raise _fault(error) from None
        with content:
            while chunk := await asyncio.to_thread(content.read, CHUNK_BYTES):
                yield chunk

    async def size(self, key: str) -> int:
        """See `Files.size`."""
        try:
            return (await asyncio.to_thread(self._path(key).stat)).st_size
        except OSError as error:
            raise _fault(error) from None

    async def keys(self, prefix: str) -> list[str]:
        """See `Files.keys`."""
        return await asyncio.to_thread(self._keys, prefix)

    def _keys(self, prefix: str) -> list[str]:
        found = []
        for folder, _, names in os.walk(self._root):
            relative = Path(folder).relative_to(self._root)
            found += [(relative / name).as_posix() for name in names if not name.startswith(_PARTIAL)]
        return sorted(key for key in found if key.startswith(prefix))

    async def delete(self, key: str) -> None:
        """See `Files.delete`."""
        await asyncio.to_thread(self._delete, self._path(key))

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise _fault(error) from None
        if path.parent != self._root:
            with contextlib.suppress(OSError):  # not empty
                path.parent.rmdir()

    async def ready(self) -> bool:
        """See `Files.ready`."""
        return await asyncio.to_thread(os.access, self._root, os.W_OK)

    async def close(self) -> None:
        """See `Files.close`."""

    def _path(self, key: str) -> Path:
        return self._root / checked(key)


def _fault(error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return MissingFile()
    return FilesUnavailable(f"The file could not be read: {error.strerror}.")


def _sync(path: Path) -> None:
    """Bring a file's content to the disk: a row will say that it is there."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
