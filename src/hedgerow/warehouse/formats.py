"""How a table's file is read and its rows are kept: formats by the API's names, and what callers may say of them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hedgerow.engine.result import Column
from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.errors import ActionRefused
from hedgerow.warehouse.types import hogql_type
from hedgerow.web.fields import from_validation

Format = Literal["CSV", "CSVWithNames", "Parquet", "JSONEachRow", "Delta", "DeltaS3Wrapper", "Iceberg"]
FORMATS: tuple[str, ...] = get_args(Format)

UPLOADED: tuple[str, ...] = ("CSV", "CSVWithNames", "Parquet", "JSONEachRow")
"""What one file can be; a Delta or Iceberg table is a folder of them."""

TEXT = frozenset({"CSV", "CSVWithNames", "JSONEachRow"})

CSV = frozenset({"CSV", "CSVWithNames"})

LAKES: Mapping[str, tuple[str, str]] = {
    "Delta": ("deltaLake", "Delta"),
    "DeltaS3Wrapper": ("deltaLake", "Delta"),
    "Iceberg": ("iceberg", "Iceberg"),
}
"""Tables that are folders: what the engine reads them with, and what they are called."""

OWN_TYPES = frozenset({"Iceberg"})
"""Whose columns the engine reads with the types they were written with, whatever it is told."""

MEDIA_TYPES: Mapping[str, str] = {
    "CSV": "text/csv; charset=utf-8",
    "CSVWithNames": "text/csv; charset=utf-8",
    "Parquet": "application/vnd.apache.parquet",
    "JSONEachRow": "application/x-ndjson",
}

_MOST_SORTED = 16
_QUOTES = "csv_allow_double_quotes"
_ORDER = "order_by"


class Options(BaseModel):
    """How a file is read and its rows are kept; what is not said stays as it was, null takes it back."""

    model_config = ConfigDict(extra="ignore")
    csv_allow_double_quotes: bool | None = Field(
        None, description="Whether double quotes enclose values of a CSV file (they do, unless this is false)."
    )
    order_by: Annotated[list[str], Field(max_length=_MOST_SORTED)] | None = Field(
        None, description="Columns an uploaded table's rows are sorted by: a filter on the first ones reads few rows."
    )

    def said(self) -> dict[str, Any]:
        """What was said, and nothing else."""
        return self.model_dump(exclude_unset=True)


def of_form(text: str) -> dict[str, Any] | None:
    """The `options` field of an uploaded form, which is JSON; `None` when empty. Raises `ActionRefused`."""
    if not text.strip():
        return None
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ActionRefused("The options must be JSON.", attr="options") from None
    try:
        return Options.model_validate(body).said()
    except ValidationError as error:
        found = from_validation(error, body, ("options",))
        raise ActionRefused(found.detail, attr=found.attr, code=found.code) from None


def merged(stored: Mapping[str, Any], said: Mapping[str, Any] | None) -> dict[str, Any]:
    """Stored options with what was said put over them."""
    return {name: value for name, value in {**stored, **(said or {})}.items() if value is not None}


def double_quotes(options: Mapping[str, Any]) -> bool:
    """Whether double quotes enclose the values of a CSV file."""
    return options.get(_QUOTES) is not False


def same_rows(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a file makes the same rows in the same order under both."""
    return (double_quotes(one), one.get(_ORDER) or []) == (double_quotes(other), other.get(_ORDER) or [])


def check_linked(options: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` for what only an uploaded table can have."""
    if options.get(_ORDER):
        raise InvalidInput("Linked tables are read in place: only uploaded ones are sorted.", attr=_attr(_ORDER))


def sort_key(options: Mapping[str, Any], columns: Iterable[Column]) -> tuple[str, ...]:
    """The columns to sort by, each one of `columns`; raises `ActionRefused`."""
    names = tuple(options.get(_ORDER) or ())
    types = {column.name: column.type for column in columns}
    for name in names:
        if name not in types:
            raise ActionRefused(f"The file has no column {name} to sort by.", attr=_attr(_ORDER))
        if hogql_type(types[name]) in {"json", "array", "unknown"}:
            raise ActionRefused(f"Column {name} holds {types[name]}: rows cannot be sorted by it.", attr=_attr(_ORDER))
    if len(set(names)) < len(names):
        raise ActionRefused("A column can be sorted by once only.", attr=_attr(_ORDER))
    return names


def _attr(name: str) -> str:
    return f"options__{name}"
