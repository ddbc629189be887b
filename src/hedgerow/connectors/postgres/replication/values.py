"""Values as PostgreSQL writes them, made into the Arrow arrays that a read of the same column gives."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.base import Refused
from hedgerow.connectors.postgres.replication.arrays import json_text
from hedgerow.connectors.postgres.types import FREE_NUMERIC, PgType

Texts = Sequence[str | None]
_FINEST = Decimal(1).scaleb(-20)
_EXACT = Context(prec=110, rounding=ROUND_HALF_UP)
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
_FIRST_DAY, _LAST_DAY = "1900-01-01", "2299-12-31"
_FIRST, _LAST = f"{_FIRST_DAY} 00:00:00", f"{_LAST_DAY} 23:59:59.999999"


def array(name: str, kind: PgType, texts: Texts) -> pa.Array:
    """The values of a column; raises `Refused` for one that its type here cannot hold."""
    try:
        return _array(kind, texts)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, ArithmeticError) as error:
        raise Refused(f"Column {name} holds a value that is not {kind.arrow}: {error}") from error


def _array(kind: PgType, texts: Texts) -> pa.Array:
    if kind.dimensions > 1:
        return pa.array([None if t is None else json_text(t, kind.base) for t in texts], pa.string())
    if kind.dimensions == 1:
        return pa.array([None if t is None else _elements(t, kind) for t in texts], kind.arrow)
    plain = _READERS.get(kind.base)
    values = texts if plain is None else [None if t is None else plain(t) for t in texts]
    if kind.arrow == FREE_NUMERIC:
        return pa.array([None if v is None else _rounded(v) for v in values], FREE_NUMERIC)
    if pa.types.is_binary(kind.arrow) or pa.types.is_boolean(kind.arrow) or pa.types.is_floating(kind.arrow):
        return pa.array(values, kind.arrow)
    made = pa.array(values, pa.string())
    if pa.types.is_timestamp(kind.arrow):
        naive = pc.cast(made, pa.timestamp("us"))
        return naive if kind.arrow.tz is None else pc.assume_timezone(naive, "UTC")
    return made if kind.arrow == pa.string() else pc.cast(made, kind.arrow)


def _rounded(text: str) -> Decimal:
    return Decimal(text).quantize(_FINEST, context=_EXACT)


def _number(text: str) -> str | None:
    return None if text in _NO_NUMBERS else text


def _money(text: str) -> str:
    return text.replace("$", "").replace(",", "")


def _day(text: str) -> str:
    return _within(text, _FIRST_DAY, _LAST_DAY)


def _moment(text: str) -> str:
    return _within(text.removesuffix("+00"), _FIRST, _LAST)


def _within(text: str, first: str, last: str) -> str:
    """The text, or the nearest that the engine's types hold. Years of four digits compare as text does."""
    if len(text) > 4 and text[4] == "-" and text[0].isdigit() and not text.endswith("BC"):
        return first if text < first else last if text > last else text
    return first if text.startswith("-") or text.endswith("BC") else last


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _yes(text: str) -> bool:
    return text == "t"


_READERS: dict[str, Callable[[str], Any]] = {
    "bool": _yes,
    "float4": float,
    "float8": float,
    "numeric": _number,
    "money": _money,
    "date": _day,
    "timestamp": _moment,
    "timestamptz": _moment,
    "bytea": _bytes,
    "bpchar": lambda text: text.rstrip(" "),
}


def _elements(text: str, kind: PgType) -> list[Any]:
    found: list[Any] = orjson.loads(json_text(text, kind.base))
    element = kind.arrow.value_type
    if element == pa.string():
        return [v if v is None or isinstance(v, str) else orjson.dumps(v).decode() for v in found]
    if pa.types.is_floating(element):
        return [None if v is None else float(v) for v in found]
    return found
