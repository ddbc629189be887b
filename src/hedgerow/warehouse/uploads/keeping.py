"""Files as uploads use them: kept elsewhere, copied back to this machine for a load, faults in the API's terms."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hedgerow.files import Files, FilesUnavailable, MissingFile
from hedgerow.kit.errors import NotFound, Unavailable
from hedgerow.kit.ids import uuid7


class Keeping:
    """`files` behind a local `folder` for what is on its way. Methods raise `NotFound` and `Unavailable`."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files, self.folder = files, folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def put(self, key: str, path: Path) -> None:
        """Keep a local file, which is given up."""
        try:
            await self._files.put(key, path)
        except FilesUnavailable as error:
            raise Unavailable(str(error)) from error

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """The content in chunks."""
        try:
            async for chunk in self._files.read(key):
                yield chunk
        except MissingFile:
            raise NotFound() from None
        except FilesUnavailable as error:
            raise Unavailable(str(error)) from error

    @asynccontextmanager
    async def copy(self, key: str) -> AsyncIterator[Path]:
        """A local copy for a while; its end tells the engine whether it is compressed."""
        path = self.folder / f"{uuid7().hex}{'.gz' if key.endswith('.gz') else ''}"
        try:
            await self._fetch(key, path)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def keys(self, prefix: str) -> list[str]:
        """Every key that begins with `prefix`."""
        try:
            return await self._files.keys(prefix)
        except FilesUnavailable as error:
            raise Unavailable(str(error)) from error

    async def delete(self, key: str) -> None:
        """Remove a file, if it is there."""
        try:
            await self._files.delete(key)
        except FilesUnavailable as error:
            raise Unavailable(str(error)) from error

    async def _fetch(self, key: str, path: Path) -> None:
        try:
            with path.open("xb") as target:
                async for chunk in self.read(key):
                    await asyncio.to_thread(target.write, chunk)
        except OSError as error:
            raise Unavailable("There is no room for the file on the server.", code="no_space") from error
