"""Kinds of JSON values: as Arrow types, read from what an API gives, and found out where nothing declares them."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

import pyarrow as pa

from hedgerow.connectors.base import CursorType

Kind = Literal["string", "integer", "float", "decimal", "boolean", "datetime", "local", "date", "json"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""`datetime` is an instant, `local` a time without a zone; `json` is text that holds JSON."""

ARROW: Mapping[Kind, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(38, 9),
    "boolean": pa.bool_(),
    "datetime": pa.timestamp("us", "UTC"),
    "local": pa.timestamp("us"),
    "date": pa.date32(),
    "json": pa.string(),
}
CURSORS: Mapping[Kind, CursorType] = {
    "integer": "integer",
    "float": "numeric",
    "decimal": "numeric",
    "datetime": "datetime",
    "local": "timestamp",
    "date": "date",
}

_EXACT = 2**53  # beyond it a float no longer holds every integer
_LONG = 2**63
_NINTH = Decimal("1e-9")
_MILLISECONDS = 100_000_000_000  # as seconds this is the year 5138
# What the engine's types hold; what lies beyond is the nearest there is.
_FIRST, _LAST = datetime(1900, 1, 1), datetime(2299, 12, 31, 23, 59, 59, 999999)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


compact: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON without blanks."""


def text_of(value: Any) -> str | None:
    """Text as it is, everything else as JSON."""
    return value if value is None or isinstance(value, str) else compact(value)


def read(value: Any, kind: Kind) -> Any:
    """A JSON value as Arrow takes it for a kind; empty text is null but in strings. Raises `ValueError`."""
    if value is None or (value == "" and kind not in {"string", "json"}):
        return None
    return _READERS[kind](value)


def _integer(value: Any) -> int:
    whole = int(value)
    if (isinstance(value, float) and value != whole) or not -_LONG <= whole < _LONG:
        raise ValueError("not an integer of 64 bits")
    return whole


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value)).quantize(_NINTH)
    except InvalidOperation as error:
        raise ValueError("not a number of 29 digits before the point") from error


def _boolean(value: Any) -> bool:
    if value in (True, False):
        return bool(value)
    named = {"true": True, "false": False}.get(str(value).lower())
    if named is None:
        raise ValueError("neither true nor false")
    return named


def _instant(value: Any) -> datetime:
    """Numbers are seconds since 1970, or milliseconds where they would be too many; text without a zone is UTC."""
    number = _number(value)
    if number is not None:
        seconds = number / 1000 if abs(number) >= _MILLISECONDS else number
        try:
            found = _EPOCH + timedelta(seconds=seconds)
        except OverflowError as error:
            raise ValueError("not a time") from error
    else:
        found = datetime.fromisoformat(str(value).strip())
    plain = found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    return _bounded(plain).replace(tzinfo=UTC)


def _local(value: Any) -> datetime:
    return _bounded(datetime.fromisoformat(str(value).strip()).replace(tzinfo=None))


def _bounded(moment: datetime) -> datetime:
    return min(max(moment, _FIRST), _LAST)


def _date(value: Any) -> date:
    if _number(value) is not None:
        return _instant(value).date()
    text = str(value).strip()
    day = date.fromisoformat(text) if len(text) <= len("2026-01-31") else datetime.fromisoformat(text).date()
    return min(max(day, _FIRST.date()), _LAST.date())


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        raise ValueError("not a time")
    if isinstance(value, int | float):
        return value
    text = str(value)
    # Eight digits are a day as well, and nothing writes seconds in so few.
    return int(text) if text.lstrip("-").isdigit() and len(text) > len("20260131") else None


_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    "string": text_of,
    "integer": _integer,
    "float": float,
    "decimal": _decimal,
    "boolean": _boolean,
    "datetime": _instant,
    "local": _local,
    "date": _date,
    "json": compact,
}


class Seen:
    """What the values of one column were so far: as narrow a kind as holds all of them."""

    __slots__ = ("_kinds", "_wide")

    def __init__(self) -> None:
        self._kinds: set[Kind] = set()
        self._wide = False

    def see(self, value: Any) -> None:
        """Take one more value in."""
        if value is None or self._kinds == {"string"}:
            return
        kind = kind_of(value)
        self._kinds.add(kind)
        if kind == "integer" and abs(value) > _EXACT:
            self._wide = True

    def merge(self, other: "Seen") -> None:
        """Take in what another saw."""
        self._kinds |= other._kinds
        self._wide = self._wide or other._wide

    def copy(self) -> "Seen":
        """The same, apart."""
        made = Seen()
        made.merge(self)
        return made

    @property
    def kind(self) -> Kind:
        """Text where nothing was seen, or nothing else fits."""
        kinds = self._kinds
        if len(kinds) == 1:
            return next(iter(kinds))
        return "float" if kinds == {"integer", "float"} and not self._wide else "string"


def kind_of(value: Any) -> Kind:
    """The kind of one value that is not null."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -_LONG <= value < _LONG else "string"
    if isinstance(value, float):
        return "float"
    if isinstance(value, dict | list):
        return "json"
    return _kind_of_text(value)


def _kind_of_text(text: str) -> Kind:
    if not 10 <= len(text) <= 35 or not text[:4].isdigit() or text[4] != "-" or text[7] != "-":
        return "string"
    try:
        if len(text) == 10:
            date.fromisoformat(text)
            return "date"
        return "local" if datetime.fromisoformat(text).tzinfo is None else "datetime"
    except ValueError:
        return "string"


def seen_in(rows: Iterable[Mapping[str, Any]], seen: dict[str, Seen]) -> None:
    """Take the values of rows in, by column."""
    for row in rows:
        for name, value in row.items():
            found = seen.get(name)
            if found is None:
                found = seen[name] = Seen()
            found.see(value)
