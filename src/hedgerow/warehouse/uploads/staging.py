"""Uploads in two steps: a file is left first, and made into a table later."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.kit.clock import now
from hedgerow.kit.ids import uuid7
from hedgerow.warehouse.catalog import database
from hedgerow.warehouse.errors import ActionRefused, FileTooLarge, LeftFileTooLarge
from hedgerow.warehouse.names import check_uploaded
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.uploads.keeping import Keeping
from hedgerow.warehouse.uploads.loading import Upload, Uploads, checked_format, safe_name
from hedgerow.warehouse.uploads.receiving import Received

_KEPT_SECONDS = 24 * 3600
_BY_ENDING: Mapping[str, tuple[str, str]] = {
    "csv": ("csv", "CSVWithNames"),
    "json": ("json", "JSONEachRow"),
    "jsonl": ("json", "JSONEachRow"),
    "ndjson": ("json", "JSONEachRow"),
    "parquet": ("parquet", "Parquet"),
}


@dataclass(frozen=True, slots=True)
class Left:
    """A file that was left; `file_format` is csv, json or parquet."""

    upload_id: UUID
    file_name: str
    file_format: str
    size: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make of a file that was left: name and format follow from the file's name unless given."""

    upload_id: UUID
    name: str = ""
    format: str = ""
    options: Mapping[str, Any] | None = None


class Staging:
    """Files wait a day to be made into tables; a table's failure leaves its file for another try."""

    def __init__(self, keeping: Keeping, uploads: Uploads) -> None:
        self._keeping, self._uploads = keeping, uploads

    async def receive(self, content_type: str, body: AsyncIterator[bytes], max_bytes: int) -> Received:
        """As `Uploads.receive`, but for the status of a file over its limit."""
        try:
            return await self._uploads.receive(content_type, body, max_bytes)
        except FileTooLarge as error:
            raise LeftFileTooLarge(error.detail, attr="file") from None

    async def leave(self, project_id: int, received: Received) -> Left:
        """Keep a received file; raises `ActionRefused`."""
        if received.path is None:
            raise ActionRefused("No file provided", attr="file")
        name = safe_name(received.file_name)
        file_format, _ = _formats(name)
        await self._forget_old(project_id)
        upload_id = uuid7()
        await self._keeping.put(f"{_folder(project_id)}{upload_id.hex}/{name}", received.path)
        return Left(upload_id, name, file_format, received.size)

    async def create(self, project_id: int, user_id: int, wish: Wish) -> TableRecord:
        """Make a file that was left into a table, and forget it; raises `ActionRefused`."""
        keys = await self._keeping.keys(f"{_folder(project_id)}{wish.upload_id.hex}/")
        if not keys:
            raise ActionRefused("Upload not found or expired", attr="upload_id")
        file_name = keys[0].rpartition("/")[2]
        name = check_uploaded(wish.name or file_name.split(".")[0])
        file_format = checked_format(wish.format or _formats(file_name)[1])
        async with self._keeping.copy(keys[0]) as path:
            size = (await asyncio.to_thread(path.stat)).st_size
            upload = Upload(project_id, user_id, name, file_format, file_name, path, size, wish.options)
            record = await self._uploads.load(upload)
        await self._keeping.delete(keys[0])
        return record

    async def _forget_old(self, project_id: int) -> None:
        for key in await self._keeping.keys(_folder(project_id)):
            made = UUID(key.removeprefix(_folder(project_id)).partition("/")[0]).int >> 80
            if now().timestamp() - made / 1000 > _KEPT_SECONDS:
                await self._keeping.delete(key)


def _folder(project_id: int) -> str:
    return f"{database(project_id)}/left/"


def _formats(file_name: str) -> tuple[str, str]:
    ending = file_name.lower().removesuffix(".gz").rpartition(".")[2]
    if ending not in _BY_ENDING:
        raise ActionRefused("Unsupported file type. Must be one of: csv, json, jsonl, ndjson, parquet", attr="file")
    return _BY_ENDING[ending]
