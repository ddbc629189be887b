"""Looks into an uploaded file before the engine does, and says in plain words what is wrong with it."""

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO

from hedgerow.engine.result import LocalFile
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.warehouse.formats import TEXT

_CHUNK = 1 << 20
_EXPANSION = 20
_HEAD_BYTES = 1 << 20
_NAME_CHARACTERS = 200
_GZIP = b"\x1f\x8b"
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_BINARIES = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a ZIP archive or a spreadsheet", b"%PDF": "a PDF"}


def check(file: LocalFile, max_bytes: int) -> bool:
    """Whether the file is compressed with gzip; raises `ActionRefused` for what could not be loaded. Blocking."""
    path, file_format = file.path, file.format
    with path.open("rb") as opened:
        start = opened.read(4)
    if not start:
        raise _refused("The file is empty.")
    if file_format not in TEXT:
        return False
    if start in _BINARIES:
        raise _refused(f"The file is {_BINARIES[start]}, not {file_format}.")
    compressed = start.startswith(_GZIP)
    try:
        with gzip.open(path) if compressed else path.open("rb") as content:
            head = _check_text(content, max_bytes * _EXPANSION)  # type: ignore[arg-type]
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise _refused("The file is not a sound gzip file.") from None
    if file_format == "CSVWithNames":
        check_names(_header(head, file.double_quotes), "in the header")
    return compressed


def check_names(names: Sequence[str], where: str = "in the file") -> None:
    """Raises `ActionRefused` for column names that no query could tell apart or write."""
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise _refused(f"Column {number} has no name {where}.")
        if len(name) > _NAME_CHARACTERS:
            raise _refused(f"The name of column {number} is longer than {_NAME_CHARACTERS} characters.")
        if not name.isprintable() or "`" in name or "\\" in name:
            raise _refused(
                f"The name of column {number} holds a line break, backquote, backslash or control character."
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise _refused(f'Two columns are named "{twice[0]}" {where}.')


def _check_text(content: BinaryIO, most: int) -> bytes:
    """The first part of the text; all of it is checked to be UTF-8 and not longer than `most`."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, size = b"", 0
    while True:
        chunk = content.read(_CHUNK)
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            position = size - len(decoder.getstate()[0]) + error.start
            raise _refused(f"The file is not UTF-8 text: byte {position + 1} belongs to no character.") from None
        if not chunk:
            return head
        if b"\x00" in chunk:
            raise _refused("The file is not text: it holds a null character.")
        if len(head) < _HEAD_BYTES:
            head = (head + chunk)[:_HEAD_BYTES]
        size += len(chunk)
        if size > most:
            raise _refused(f"The file unpacks to more than {most} bytes.")


def _header(head: bytes, double_quotes: bool) -> list[str]:
    text = head.decode("utf-8-sig", "ignore")
    try:
        lines = io.StringIO(text, newline="")
        quoted = csv.reader(lines, strict=True) if double_quotes else csv.reader(lines, quoting=csv.QUOTE_NONE)
        names = next(quoted, [])
    except csv.Error:
        raise _refused("The header of the file could not be read.") from None
    if len(names) == 1:
        for separator, word in _OTHER_SEPARATORS.items():
            if separator in names[0]:
                raise _refused(f"The columns seem to be separated by {word}: only commas are read.")
    if not names:
        raise _refused("The first line of the file is empty: it must hold the names of the columns.")
    return names


def _refused(text: str) -> ActionRefused:
    return ActionRefused(text, attr="file", code="file_unreadable")
