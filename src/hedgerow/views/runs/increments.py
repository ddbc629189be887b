"""How a table is made bit by bit: which rows are made anew, and which are taken over from the last table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hedgerow.engine.base import Query
from hedgerow.engine.statements import quoted
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.values import Bound
from hedgerow.language.query.types import bare, is_nullable
from hedgerow.views.records import Incremental
from hedgerow.views.texts.increments import DATES, WHOLE_NUMBERS

FULL, INCREMENTAL, RANGE = "full", "incremental", "range"
_FIRST_DAY, _FIRST_MOMENT = date(1900, 1, 1), datetime(1900, 1, 1, tzinfo=UTC)
_FROM, _TO = "hedgerow_from", "hedgerow_to"
Value = int | date | datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run is asked for: all rows, or those of a range of keys: `start` is in it, `end` is not."""

    full: bool = False
    start: str | int | None = None
    end: str | int | None = None

    def told(self) -> dict[str, Any]:
        """As a job carries it."""
        return {"full": self.full, "start": self.start, "end": self.end}

    @property
    def is_range(self) -> bool:
        return self.start is not None or self.end is not None


AS_PLANNED = Wish()


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range of keys; without `end` rows that have none are in it, too."""

    start: Value | None
    end: Value | None = None
    with_null: bool = False


def watermark(database: str, table: str, key: str, kind: str) -> str:
    """The text of a query for the last key of a table, as a text, and how many rows it has."""
    last = f"max({quoted(key)})"
    if bare(kind).startswith("DateTime"):
        last = f"toDateTime64({last}, 6, 'UTC')"
    return f"SELECT toString({last}), count() FROM {quoted(database)}.{quoted(table)}"


def read(text: str | int, kind: str) -> Value:
    """A key from its text; raises `ValueError`. A time without a zone is UTC."""
    plain = bare(kind)
    if plain in WHOLE_NUMBERS:
        return int(text)
    if isinstance(text, int):
        raise ValueError("not a date")
    if plain in DATES:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def since(last: str, kind: str, lookback_seconds: int) -> Bounds:
    """The keys that are made anew when `last` is the last one there is: that one, those before it, all that follow."""
    found = read(last, kind)
    if isinstance(found, datetime):
        # A finer last key was cut off here: one step further back.
        span = timedelta(seconds=lookback_seconds, microseconds=1)
        found = found - span if found - _FIRST_MOMENT > span else _FIRST_MOMENT
    elif isinstance(found, date):
        days = timedelta(days=-(-lookback_seconds // 86_400))
        found = found - days if found - _FIRST_DAY > days else _FIRST_DAY
    else:
        found -= lookback_seconds
    return Bounds(found, with_null=is_nullable(kind))


def wished(wish: Wish, kind: str) -> Bounds:
    """The keys of a range that was asked for; raises `InvalidInput` with the field."""
    ends: list[Value | None] = []
    for name, given in (("from", wish.start), ("to", wish.end)):
        try:
            ends.append(None if given is None else read(given, kind))
        except ValueError:
            raise InvalidInput(
                f"This is no value of the incremental key, which is a {bare(kind)}.", attr=name
            ) from None
    start, end = ends
    if start is not None and end is not None and not start < end:  # type: ignore[operator]
        raise InvalidInput("It has to be after `from`: it is the first key that is not made anew.", attr="to")
    return Bounds(start, end)


@dataclass(frozen=True, slots=True)
class Parts:
    """The queries whose rows make the new table, `old` being the physical table that serves now.

    Each is given the view's own query, or in its place any with the limits that hold.
    """

    settings: Incremental
    types: Mapping[str, str]
    bounds: Bounds
    database: str
    old: str

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that the table's rows are in the order of."""
        return (self.settings.incremental_key,)

    def fresh(self, query: Query) -> Query:
        """The rows of the view's query that are made anew."""
        where, bound = self._inside()
        return replace(
            query, sql=f"SELECT * FROM ({query.sql}) WHERE {where}", parameters={**query.parameters, **bound}
        )

    def kept(self, query: Query, new: str) -> Query:
        """The rows of the old table that stay, once those made anew are in the table `new`; limits are `query`'s."""
        where, bound = self._inside()
        sql = f"SELECT {self._columns()} FROM {self._place(self.old)} WHERE NOT ifNull({where}, 0)"
        if self.settings.unique_key:
            sql += f" AND {self._unmatched(self.settings.unique_key, new)}"
        return replace(query, sql=sql, parameters=bound, id="")

    def counted(self, query: Query) -> Query:
        """How many rows the old table has, how many of them go by their key, and how many have none."""
        where, bound = self._inside()
        key = quoted(self.settings.incremental_key)
        sql = f"SELECT count(), countIf({where}), countIf({key} IS NULL) FROM {self._place(self.old)}"
        return replace(query, sql=sql, parameters=bound, id="")

    def leaving(self, query: Query) -> Query:
        """The keys of the old table's rows that go."""
        where, bound = self._inside()
        key = quoted(self.settings.incremental_key)
        sql = f"SELECT DISTINCT {key} FROM {self._place(self.old)} WHERE {where}"
        return replace(query, sql=sql, parameters=bound, id="")

    def coming(self, query: Query, new: str) -> Query:
        """The unique keys of the table `new`; one with a NULL in it is no other row's."""
        listed = ", ".join(map(quoted, self.settings.unique_key))
        told = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in self.settings.unique_key)
        sql = f"SELECT DISTINCT {listed} FROM {self._place(new)} WHERE {told}"
        return replace(query, sql=sql, parameters={}, id="")

    def rows_of(self, query: Query, table: str) -> Query:
        """All rows of a table of the same columns."""
        return replace(query, sql=f"SELECT {self._columns()} FROM {self._place(table)}", parameters={}, id="")

    def _columns(self) -> str:
        return ", ".join(map(quoted, self.types))

    def _inside(self) -> tuple[str, dict[str, Bound]]:
        key, bounds = quoted(self.settings.incremental_key), self.bounds
        kind = self.types[self.settings.incremental_key]
        tests, bound = [], {}
        for name, sign, value in ((_FROM, ">=", bounds.start), (_TO, "<", bounds.end)):
            if value is not None:
                bound[name] = _bound(value, kind)
                tests.append(f"{key} {sign} {{{name}:{bound[name].type}}}")
        where = " AND ".join(tests)
        return (f"({where} OR {key} IS NULL)" if bounds.with_null else where), bound

    def _unmatched(self, unique: Sequence[str], new: str) -> str:
        """That no row of the new table has the same unique key; one with a NULL in it is no other row's."""
        listed = ", ".join(map(quoted, unique))
        alone = f"({listed}) NOT IN (SELECT {listed} FROM {self._place(new)})"
        nulls = [f"{quoted(name)} IS NULL" for name in unique if is_nullable(self.types[name])]
        return f"({' OR '.join([*nulls, alone])})"

    def _place(self, table: str) -> str:
        return f"{quoted(self.database)}.{quoted(table)}"


def _bound(value: Value, kind: str) -> Bound:
    if isinstance(value, datetime):
        return Bound("DateTime64(6, 'UTC')", value.strftime("%Y-%m-%d %H:%M:%S.%f"))
    if isinstance(value, date):
        return Bound("Date32", value.isoformat())
    # Beyond what the key can hold, a bound is at its end.
    plain = bare(kind)
    least = 0 if plain.startswith("U") else -(1 << 63)
    most = (1 << 64) - 1 if plain.startswith("U") else (1 << 63) - 1
    return Bound("UInt64" if plain.startswith("U") else "Int64", max(least, min(most, value)))
