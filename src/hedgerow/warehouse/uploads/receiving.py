"""Receives an uploaded form: its file goes straight to disk, its other fields stay small."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from hedgerow.kit.errors import MalformedBody, Unavailable
from hedgerow.kit.ids import uuid7
from hedgerow.warehouse.errors import ActionRefused, FileTooLarge

_FIELD_BYTES = 64 << 10
_MAX_FIELDS = 50
_HEADER_BYTES = 8 << 10
_FLUSH_BYTES = 1 << 20


@dataclass(slots=True)
class Received:
    """An uploaded file on disk, and the form's other fields. `path` is `None` when there was no file."""

    path: Path | None = None
    file_name: str = ""
    size: int = 0
    fields: dict[str, str] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove the file, if it is still there."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


class Reception:
    """One form on its way in; the file is the part named `file` that has a file name."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self.received = Received()
        self._pending = bytearray()
        self._headers: dict[str, bytes] = {}
        self._name, self._text = bytearray(), bytearray()
        self._field: str | None = None
        self._value = bytearray()
        self._in_file = self._complete = False
        self._parts = 0

    async def take(self, content_type: str, body: AsyncIterator[bytes]) -> Received:
        """Read the whole body. Raises `ActionRefused` or `MalformedBody`; the file is gone then."""
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise ActionRefused("No file provided", attr="file")
        try:
            await self._read(MultipartParser(options[b"boundary"], self._callbacks()), body)
        except BaseException as error:
            self.received.discard()
            if isinstance(error, MultipartParseError):
                raise MalformedBody("The form could not be read.") from None
            if isinstance(error, OSError):
                raise Unavailable("There is no room for the file on the server.", code="no_space") from error
            raise
        return self.received

    async def _read(self, parser: MultipartParser, body: AsyncIterator[bytes]) -> None:
        target: BinaryIO | None = None
        try:
            async for chunk in body:
                parser.write(chunk)
                if len(self._pending) >= _FLUSH_BYTES:
                    target = await asyncio.to_thread(self._flush, target)
            parser.finalize()
            target = await asyncio.to_thread(self._flush, target)
        finally:
            if target is not None:
                await asyncio.to_thread(target.close)
        if not self._complete:
            raise MalformedBody("The form ends too early.")

    def _flush(self, target: BinaryIO | None) -> BinaryIO | None:
        if self.received.path is None:
            return None
        if target is None:
            descriptor = os.open(self.received.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            target = os.fdopen(descriptor, "wb", buffering=0)
        written = memoryview(self._pending)
        while written:
            count = target.write(written)
            written = written[count:]
        written.release()
        self._pending = bytearray()
        return target

    def _callbacks(self) -> Any:
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._data,
            "on_part_end": self._part_ends,
            "on_end": self._ends,
        }

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > _MAX_FIELDS:
            raise ActionRefused(f"A form may have at most {_MAX_FIELDS} fields.")
        self._headers = {}
        self._field, self._in_file = None, False
        self._value = bytearray()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]
        if len(self._text) > _HEADER_BYTES:
            raise MalformedBody("A header of the form is too long.")

    def _header_ends(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = bytes(self._text)
        self._name, self._text = bytearray(), bytearray()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = name == "file" and b"filename" in options and self.received.path is None
        if self._in_file:
            self.received.file_name = options[b"filename"].decode("utf-8", "replace")
            self.received.path = self._folder / uuid7().hex
        elif b"filename" not in options:
            self._field = name

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.received.size += end - start
            if self.received.size > self._max_bytes:
                raise FileTooLarge(too_large(self._max_bytes), attr="file")
            self._pending += memoryview(data)[start:end]
        elif self._field is not None:
            self._value += data[start:end]
            if len(self._value) > _FIELD_BYTES:
                raise ActionRefused(f"A field may have at most {_FIELD_BYTES} bytes.", attr=self._field)

    def _part_ends(self) -> None:
        if self._field is not None:
            self.received.fields[self._field] = self._value.decode("utf-8", "replace")

    def _ends(self) -> None:
        self._complete = True


def too_large(max_bytes: int) -> str:
    """`File size exceeds maximum allowed size of 50MB`."""
    return f"File size exceeds maximum allowed size of {max_bytes // (1 << 20)}MB"
