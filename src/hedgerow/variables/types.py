"""The types a variable may have: which values are taken as they are, which are converted, and which are refused."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hedgerow.kit.errors import InvalidInput

Scalar = str | int | float | bool | None
Value = Scalar | list[Any]
_INTEGER = re.compile(r"[+-]?[0-9]{1,400}\Z")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_DATE = re.compile(rf"{_DAY}(?:[T ]{_TIME})?\Z")
_TRUTHS: Mapping[Any, bool] = {"true": True, "false": False, "1": True, "0": False, 1: True, 0: False}
_SHOWN = 60


class WrongValue(InvalidInput):
    """A value does not fit its variable's type. Its text shows the value: for the caller, not for a log."""

    def __init__(self, name: str, wanted: str, value: object) -> None:
        text = f"Variable {name[:_SHOWN]} must be {wanted}; got {_told(value)}."
        super().__init__(text, attr="variables")


class _Misfit(Exception):
    """A value cannot be made to fit."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type of variables. `plain`: Python's types of the values that are taken without a further look."""

    name: str
    wanted: str
    plain: frozenset[type]
    convert: Callable[[Any], Value]

    def fitted(self, name: str, value: Any) -> Value:
        """The value as the type has it; raises `WrongValue` that names the variable."""
        if type(value) in self.plain:
            return value  # type: ignore[no-any-return]
        try:
            return self.convert(value)
        except _Misfit:
            raise WrongValue(name, self.wanted, value) from None

    def read(self, name: str, texts: Sequence[str], example: Value = None) -> Value:
        """The value that a query string gives, where a key may come several times; raises `WrongValue`.

        A List's items become numbers when those of `example` are; a single one stays so where `example` is no list.
        """
        if self.name == "List":
            return _listed(texts, example)
        if len(texts) > 1:
            raise WrongValue(name, f"{self.wanted}, given once", list(texts))
        return self.fitted(name, texts[0])


def _text(value: Any) -> Value:
    if isinstance(value, bool | int | float):
        return orjson.dumps(value).decode()
    raise _Misfit


def _number(value: Any) -> Value:
    text = value.strip() if isinstance(value, str) else ""
    if _INTEGER.match(text):
        whole = int(text)
        # As JSON has it: what 64 bits cannot hold is a float.
        return whole if -(2**63) <= whole < 2**64 else _finite(text)
    if _FLOAT.match(text):
        return _finite(text)
    raise _Misfit


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Misfit
    return number


def _truth(value: Any) -> Value:
    key = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(key, str | int | float) or key not in _TRUTHS:
        raise _Misfit
    return _TRUTHS[key]


def _date(value: Any) -> Value:
    """The text as it is, once it names a day that there is."""
    if not isinstance(value, str) or not _DATE.match(text := value.strip()):
        raise _Misfit
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _Misfit from None
    return text


def _list(value: Any) -> Value:
    """A list of single values. A choice out of a list is one itself."""
    if not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
        raise _Misfit
    return value


def _listed(texts: Sequence[str], example: Value) -> Value:
    if len(texts) == 1 and example is not None and not isinstance(example, list) and "," not in texts[0]:
        return _alike(texts[0], [example])
    items = [item.strip() for text in texts for item in text.split(",")]
    given = [item for item in items if item]
    return [_alike(item, example if isinstance(example, list) else [example]) for item in given]


def _alike(text: str, examples: Sequence[Any]) -> Value:
    if examples and all(isinstance(each, int | float) and not isinstance(each, bool) for each in examples):
        try:
            return _number(text)
        except _Misfit:
            return text
    return text


def _told(value: object) -> str:
    """What came, in a few words."""
    if isinstance(value, str):
        return f'the text "{value[:_SHOWN]}{"…" if len(value) > _SHOWN else ""}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {str(value)[:_SHOWN]}"
    return "a list" if isinstance(value, list) else "an object"


_NULL: type = type(None)
_SINGLE: frozenset[type] = frozenset({str, int, float, bool, _NULL})
ANY = Type("", "a text, a number, a boolean, null, or a list of those", _SINGLE, _list)
"""Of a variable whose declaration is gone."""
TYPES: Mapping[str, Type] = {
    each.name: each
    for each in (
        Type("String", "a String", frozenset({str, _NULL}), _text),
        Type("Number", "a Number, such as 5 or 2.5", frozenset({int, float, _NULL}), _number),
        Type("Boolean", "a Boolean, true or false", frozenset({bool, _NULL}), _truth),
        Type("List", "a List of texts, numbers or booleans", _SINGLE, _list),
        Type("Date", "a Date, such as 2026-01-31 or 2026-01-31T10:00:00Z", frozenset({_NULL}), _date),
    )
}
