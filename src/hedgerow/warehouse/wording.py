"""What the engine says about files, in words for the people who made them."""

import re
from dataclasses import dataclass

from hedgerow.engine.errors import EngineError
from hedgerow.engine.faults import file_fault

_INVALID, _DENIED = "The access key or secret is not valid.", "Access to the file was denied."
_STORAGE: tuple[tuple[str, str], ...] = (
    (r"invalidaccesskeyid|signaturedoesnotmatch|invalid access key", _INVALID),
    (r"access ?denied|forbidden|response code: 403", _DENIED),
    (r"nosuchbucket|bucket does not exist", "The bucket does not exist."),
    (
        r"connection refused|timed out|timeout|unreachable|no route|reset by peer|SSL exception|host not found",
        "The storage could not be reached.",
    ),
    (r"too many redirects", "The storage redirects elsewhere. Use the bucket's own regional address."),
    (r"metadata file for Iceberg|no metadata.*iceberg", "No Iceberg table was found."),
    (r"kernel error|DeltaLake|_delta_log|no delta", "No Delta table was found."),
    (r"no files with provided path", "No file was found, or all are empty."),
    (r"nosuchkey|response code: 404", "No file was found."),
    (r"Host is empty|S3 URI", "The address names no bucket that can be read."),
)
_CONTENT: tuple[tuple[str, str], ...] = (
    (r"EMPTY_DATA_PASSED", "The file has no rows of its format."),
    (
        r"different amount of values|names \d+ differs with the number|number of columns",
        "The rows of the file do not all have the same number of values.",
    ),
    (r"JSONEachRow format file", "The file is not one JSON object per line."),
    (r"Parquet format file", "The file is not a Parquet file."),
)
_ROW = re.compile(r"at row (\d+)\)")
_KEY = re.compile(r"while reading the value of key ([^\n]+?)\): \(at row")
# The engine lists the values of the bad row up to the one that did not fit.
_VALUE = re.compile(r"name: ([^\n]+?),\s+type: ([^\n]+?),\s+parsed text: ")


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that does not fit its column; `row` counts from 1, without the header."""

    row: int
    column: str


def misfit(error: EngineError) -> Misfit | None:
    """The value an import stumbled over, where the engine tells."""
    raw = str(error.__cause__ or "")
    row, key = _ROW.search(raw), _KEY.search(raw)
    if row is None:
        return None
    columns = [key[1]] if key else [found[1].strip() for found in _VALUE.finditer(raw.partition("ERROR")[0])]
    return Misfit(int(row[1]), columns[-1]) if columns else None


def field_of(text: str) -> str:
    """Which field of a linked table is to be mended, by what `words` tell."""
    return "credential" if text in (_INVALID, _DENIED) else "url_pattern"


def words(error: EngineError, of_storage: bool = False) -> str:
    """One sentence, without the engine's own names. `of_storage`: the file is in a bucket, which may be at fault."""
    raw = f"{error.detail}\n{error.__cause__ or ''}"
    found = misfit(error)
    if found is not None:
        return f"Row {found.row} of the file does not fit the columns: it fails at the value of {found.column}."
    for pattern, text in (*(_STORAGE if of_storage else ()), *_CONTENT):
        if re.search(pattern, raw, re.IGNORECASE):
            return text
    return file_fault(error.detail).detail
