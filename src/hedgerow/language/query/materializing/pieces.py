"""What is kept of a materialization: the tables a query was split into, their columns, and what each column holds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

STATES, ROWS = "states", "rows"
BUCKETS = ("minute", "fifteen_minutes", "hour", "day", "week", "month")


@dataclass(frozen=True, slots=True)
class Key:
    """A column that holds a value of the rows: `text` is the expression it was computed by."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class State:
    """A column that holds states of an aggregation; `function` makes them, `merge` reads them."""

    name: str
    text: str
    function: str
    merge: str


@dataclass(frozen=True, slots=True)
class Range:
    """A time column that is kept by its buckets: `name` holds the bucket's start, `text` is the column.

    `precision`: the column's sub-second digits; 0 for whole seconds. `zone`: its time zone, "" for the engine's own.
    """

    name: str
    text: str
    bucket: str
    precision: int
    zone: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """One table of a materialization, made of one SELECT of the query.

    `source` is the text of all that was computed beforehand: tables, joins, fixed filters. `types`: the columns' types
    by name, as the engine has them, known once the table is built.
    """

    name: str
    mode: str
    source: str
    keys: tuple[Key, ...]
    states: tuple[State, ...] = ()
    ranges: tuple[Range, ...] = ()
    order_by: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> "Piece":
        """From what `to_json` made."""
        return Piece(
            stored["name"],
            stored["mode"],
            stored["source"],
            tuple(Key(**key) for key in stored["keys"]),
            tuple(State(**state) for state in stored["states"]),
            tuple(Range(**{**each, "variables": tuple(each["variables"])}) for each in stored["ranges"]),
            tuple(stored["order_by"]),
            stored["types"],
        )


def names_of(piece: Piece) -> Sequence[str]:
    """The names of a piece's columns, in order."""
    every: tuple[Key | Range | State, ...] = (*piece.keys, *piece.ranges, *piece.states)
    return [each.name for each in every]
