"""CSV: names out of the first line, types out of the values, rows under a table's types."""

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.s3.faults import broken
from hedgerow.connectors.s3.reading.opening import Opened
from hedgerow.connectors.s3.reading.widening import Misfit, Schema, fitting, wider

_HEADS = (1 << 16, 1 << 20, 1 << 24)
_BLOCKS = (1 << 20, 32 << 20, 512 << 20)
_AHEAD = 2
_DELIMITERS = (",", ";", "\t", "|")
_NULLS = ["", "\\N"]
_STRADDLES = "straddling object"
_BOOLEAN = r"^(?i:true|false)$"
_INTEGER = r"^-?(0|[1-9][0-9]{0,18})$"
_FLOAT = r"^-?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_PLAIN: tuple[tuple[str, pa.DataType], ...] = (
    (_BOOLEAN, pa.bool_()),
    (_INTEGER, pa.int64()),
    (_FLOAT, pa.float64()),
    (_DATE, pa.date32()),
    (f"{_TIME}$", pa.timestamp("us")),
    (f"{_TIME}{_ZONE}", pa.timestamp("us", "UTC")),
)
_INSTANT = pa.timestamp("us", "UTC")
_READ = {kind for _, kind in _PLAIN} - {_INSTANT}  # the reader takes no zones but one


@dataclass(frozen=True, slots=True)
class _Head:
    """How a file begins: its columns, and how many rows stand above the first of its own."""

    names: tuple[str, ...]
    delimiter: str
    skip: int


def schema(opened: Opened, most: int | None) -> tuple[Schema, bool]:
    """The columns by the first `most` bytes, or all; and whether these were all."""
    found: dict[str, pa.DataType] = {}
    seen = 0
    head = _head(opened)
    if head is None:
        return found, True
    found = dict.fromkeys(head.names, pa.null())
    for batch in _batches(opened, head, dict.fromkeys(head.names, pa.string())):
        opened.watch.check()
        for name in head.names:
            if found[name] != pa.string():
                found[name] = wider(found[name], _type_of(batch.column(name)))
        seen += batch.nbytes
        if most is not None and seen >= most:
            return found, False
    return found, True


def rows(opened: Opened, columns: Schema, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows, with those columns of the wanted ones that the file has; raises `Misfit`, `Refused`."""
    head = _head(opened)
    if head is None:
        return
    for name in head.names:
        if name not in columns:
            raise Misfit(name)
    there = {name: columns[name] for name in head.names if name in wanted}
    read = {name: kind if kind in _READ else pa.string() for name, kind in there.items()}
    for batch in _batches(opened, head, read or {head.names[0]: pa.string()}):
        arrays = [_array(batch.column(name), kind, name) for name, kind in there.items()]
        yield (
            pa.RecordBatch.from_struct_array(_bare(len(batch)))
            if not arrays
            else pa.RecordBatch.from_arrays(arrays, names=list(there))
        )


def _array(array: pa.Array, kind: pa.DataType, name: str) -> pa.Array:
    if kind == _INSTANT:
        try:
            array = pc.cast(array, kind)
        except pa.ArrowInvalid as error:
            raise Misfit(name) from error
    return fitting(array, kind, name)


def _bare(rows: int) -> pa.StructArray:
    """Rows without any column."""
    return pa.array([{}] * rows, pa.struct([]))


def _type_of(array: pa.Array) -> pa.DataType:
    values = array.drop_null()
    if not len(values):
        return pa.null()
    if pc.any(pc.equal(values, "")).as_py():
        return pa.string()
    for pattern, kind in _PLAIN:
        if pc.all(pc.match_substring_regex(values, pattern)).as_py():
            try:
                pc.cast(values, kind)
            except pa.ArrowInvalid:
                continue
            return kind
    return pa.string()


def _batches(opened: Opened, head: _Head, read: Schema) -> Iterator[pa.RecordBatch]:
    """The rows of some columns, by their names; a row that is longer than a block lets the file be read anew."""
    done = 0
    for block in _BLOCKS:
        try:
            for batch in _blocks(opened, head, read, block, done):
                done += batch.num_rows
                yield batch
            return
        except pa.ArrowInvalid as error:
            if _STRADDLES in str(error) and block != _BLOCKS[-1]:
                continue
            raise _fault(opened, error, head.names) from error
        except (OSError, EOFError) as error:
            raise broken(opened.item.key, "it is packed, and damaged.") from error


def _blocks(opened: Opened, head: _Head, read: Schema, block: int, done: int) -> Iterator[pa.RecordBatch]:
    """The rows but the first `done`, block by block."""
    ragged: list[Any] = []
    with opened.paced() as file:
        try:
            with file.allow(_AHEAD * block):
                reader = arrow_csv.open_csv(
                    pa.PythonFile(file, mode="r"), *_options(opened.config, head, read, block, ragged)
                )
            for number in itertools.count(1):
                with file.allow((number + _AHEAD) * block):
                    batch = next(reader, None)
                if batch is None:
                    return
                fresh = batch.slice(min(done, len(batch)))
                done -= len(batch) - len(fresh)
                if len(fresh):
                    yield fresh.rename_columns(list(read))
        except pa.ArrowInvalid as error:
            if ragged:
                raise _ragged(opened, ragged[0]) from error
            raise


def _options(config: Config, head: _Head, read: Schema, block: int, ragged: list[Any]) -> tuple[Any, Any, Any]:
    """How to read: columns go by their places, as names may be anything. Rows of a wrong length go into `ragged`."""
    places = {name: str(place) for place, name in enumerate(head.names)}

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    reading = arrow_csv.ReadOptions(
        use_threads=False,
        block_size=block,
        column_names=list(places.values()),
        skip_rows_after_names=head.skip,
        encoding=_encoding(config),
    )
    parsing = arrow_csv.ParseOptions(
        delimiter=head.delimiter,
        quote_char=_quote(config) or False,
        double_quote=bool(_quote(config)),
        newlines_in_values=True,
        invalid_row_handler=note,
    )
    converting = arrow_csv.ConvertOptions(
        column_types={places[name]: kind for name, kind in read.items()},
        include_columns=[places[name] for name in read],
        null_values=_NULLS,
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
    )
    return reading, parsing, converting


def _ragged(opened: Opened, row: Any) -> Refused:
    at = f"row {row.number}" if row.number else "a row"
    return broken(opened.item.key, f"{at} has {row.actual_columns} columns in place of {row.expected_columns}.")


def _fault(opened: Opened, error: pa.ArrowInvalid, names: Sequence[str]) -> Exception:
    text = str(error)
    if "invalid UTF8" in text or "codec" in text:
        return Refused(f"File {opened.item.key} is not written in {_encoding(opened.config)}.", field="csv_encoding")
    found = re.search(r'CSV column #(\d+)|column "?(\d+)"?', text)
    if "conversion error" in text:
        place = next((int(each) for each in found.groups() if each), 0) if found else 0
        return Misfit(names[place] if place < len(names) else names[0])
    what = "a row of it is longer than 512 MB." if _STRADDLES in text else "it is not CSV."
    return broken(opened.item.key, what)


def _head(opened: Opened) -> _Head | None:
    """`None` for a file without a row."""
    header = opened.config.get("csv_header", True) is not False
    for size in _HEADS:
        with opened.stream() as file:
            try:
                raw = file.read(size)
            except OSError as error:
                raise broken(opened.item.key, "it is packed, and damaged.") from error
        try:
            text = raw.decode(_encoding(opened.config), "replace").removeprefix("\ufeff")
        except LookupError:
            raise Refused("There is no such encoding.", field="csv_encoding") from None
        delimiter = _delimiter(opened, text)
        found = _first_row(text, delimiter, _quote(opened.config))
        if found is not None and (found[2] or len(raw) < size):
            row, above, _ = found
            names = tuple(_names(opened, row)) if header else tuple(f"c{place}" for place in range(1, len(row) + 1))
            return _Head(names, delimiter, above + (1 if header else 0))
        if len(raw) < size:
            return None
    raise broken(opened.item.key, "its first line does not end.")


def _first_row(text: str, delimiter: str, quote: str) -> tuple[list[str], int, bool] | None:
    """The first row that is not empty, how many empty ones stand above it, and whether there is more below."""
    lines = io.StringIO(text, newline="")
    said: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(lines, delimiter=delimiter, **said)
    try:
        for above, row in enumerate(reader):
            if row:
                return row, above, lines.tell() < len(text)
    except csv.Error:
        return None
    return None


def _names(opened: Opened, row: Sequence[str]) -> Iterator[str]:
    seen = set()
    for place, said in enumerate(row, start=1):
        name = said.strip() or f"c{place}"
        if name in seen:
            raise broken(opened.item.key, f"two of its columns are called {name}.")
        seen.add(name)
        yield name


def _delimiter(opened: Opened, text: str) -> str:
    said = str(opened.config.get("csv_delimiter") or "")
    if said:
        said = "\t" if said in {"\\t", "tab"} else said
        if len(said) != 1:
            raise Refused("The delimiter must be one character.", field="csv_delimiter")
        return said
    quote = _quote(opened.config)
    counts = {each: len(row[0]) for each in _DELIMITERS if (row := _first_row(text, each, quote)) is not None}
    return max(counts, key=lambda each: (counts[each], each == ","), default=",")


def _quote(config: Config) -> str:
    said = str(config.get("csv_quote") or '"')
    if said.lower() == "none":
        return ""
    if len(said) != 1:
        raise Refused('The quotation mark must be one character, or "none".', field="csv_quote")
    return said


def _encoding(config: Config) -> str:
    return str(config.get("csv_encoding") or "utf-8").lower()
