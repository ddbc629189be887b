"""Two answers as bags of rows: how often each row is in one and not in the other."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow.engine.base import Answer

_WHOLE = 2.0**53


@dataclass(frozen=True, slots=True)
class Side:
    """One version's answer, without the rows beyond its end. `complete`: no row was cut off by this server."""

    answer: Answer
    rows: int
    complete: bool

    @property
    def names(self) -> list[str]:
        """The columns."""
        return [column.name for column in self.answer.columns]

    def lines(self) -> list[bytes]:
        """A JSON array each, as the engine wrote it."""
        return self.answer.rows.split(b"\n")[: self.rows]


def compared(one: Side, other: Side, sample: int, float_digits: int | None) -> dict[str, Any]:
    """Counts, and at most `sample` of the rows that are on one side only.

    Rows are the same when their JSON is: NULL is equal to NULL, 1 differs from "1", and a row that is there twice has
    to be there twice. Of different columns those are compared that both have. Floats are rounded to `float_digits`.
    """
    names = _shared(one.names, other.names)
    left, right = (_keys(side, names, float_digits) for side in (one, other))
    bags = Counter(left), Counter(right)
    only_left, only_right = bags[0] - bags[1], bags[1] - bags[0]
    return {
        "compared_columns": names,
        "from": {"rows": one.rows, "complete": one.complete},
        "to": {"rows": other.rows, "complete": other.complete},
        "in_both": one.rows - only_left.total(),
        "only_in_from": _told(only_left, sample),
        "only_in_to": _told(only_right, sample),
        "identical": not only_left and not only_right and one.names == other.names,
        "same_order": left == right,
    }


def _shared(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The columns to compare: all where they are the same, else those that both have once."""
    if one == other:
        return list(one)
    return [name for name in one if one.count(name) == 1 and other.count(name) == 1]


def _keys(side: Side, names: list[str], digits: int | None) -> list[bytes] | list[str]:
    lines = side.lines()
    if names == side.names and digits is None:
        return lines
    places = range(len(names)) if names == side.names else [side.names.index(name) for name in names]
    rounded: Callable[[Any], Any] = (lambda value: value) if digits is None else (lambda value: _rounded(value, digits))
    return [_text([rounded(row[place]) for place in places]) for row in map(json.loads, lines)]


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, list):
        return [_rounded(each, digits) for each in value]
    if isinstance(value, dict):
        return {key: _rounded(each, digits) for key, each in value.items()}
    if not isinstance(value, float):
        return value
    near = float(f"{value:.{digits}g}")
    # The engine writes a whole float as an integer.
    return int(near) if near.is_integer() and abs(near) < _WHOLE else near


def _text(row: list[Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _told(rows: Counter[Any], sample: int) -> dict[str, Any]:
    shown = [{"row": json.loads(row), "count": count} for row, count in list(rows.items())[:sample]]
    return {"rows": rows.total(), "distinct": len(rows), "sample": shown}
