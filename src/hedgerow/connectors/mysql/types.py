"""MySQL's types: as Arrow, as the SQL that writes a column out so, and as a cursor."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from hedgerow.connectors.base import CursorType, Refused

INSTANT = pa.timestamp("us", "UTC")
MOMENT = pa.timestamp("us")

# What the engine's types hold; what lies beyond is the nearest of it.
_FIRST_DAY, _LAST_DAY = "1900-01-01", "2299-12-31"
_FIRST, _LAST = f"{_FIRST_DAY} 00:00:00", f"{_LAST_DAY} 23:59:59.999999"

_INTEGERS: dict[str, tuple[pa.DataType, pa.DataType]] = {
    "tinyint": (pa.int8(), pa.uint8()),
    "smallint": (pa.int16(), pa.uint16()),
    "mediumint": (pa.int32(), pa.uint32()),
    "int": (pa.int32(), pa.uint32()),
    "bigint": (pa.int64(), pa.uint64()),
    "year": (pa.int16(), pa.int16()),
}
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_SHAPES = frozenset(
    {
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        *("geometrycollection", "geomcollection"),
    }
)
_LONG = frozenset({"mediumtext", "longtext", "mediumblob", "longblob", "json", *_SHAPES})
_CURSORS: dict[str, CursorType] = {"date": "date", "datetime": "timestamp", "timestamp": "datetime"}
INCLUSIVE = frozenset({"date"})


@dataclass(frozen=True, slots=True)
class MySqlType:
    """A column's type: `base` as the catalog names it; digits are of numbers, `bits` of `bit`."""

    base: str
    unsigned: bool = False
    precision: int = 0
    scale: int = 0

    @property
    def arrow(self) -> pa.DataType:
        """As `base.RemoteColumn.arrow_type`."""
        if self.base in _INTEGERS:
            return _INTEGERS[self.base][self.unsigned]
        if self.base in _BYTES:
            return pa.binary()
        if self.base == "decimal":
            made = pa.decimal128 if self.precision <= 38 else pa.decimal256
            return made(self.precision, self.scale)
        if self.base == "bit":
            return pa.bool_() if self.precision == 1 else pa.uint64()
        return {
            "float": pa.float32(),
            "double": pa.float64(),
            "date": pa.date32(),
            "datetime": MOMENT,
            "timestamp": INSTANT,
        }.get(self.base, pa.string())

    @property
    def cursor(self) -> CursorType | None:
        """What kind of cursor it makes."""
        return "integer" if self.base in _INTEGERS else _CURSORS.get(self.base)

    @property
    def alone(self) -> bool:
        """Whether a value may be so long that it must not be joined with others."""
        return self.base in _LONG

    def written(self, column: str) -> str:
        """SQL that writes the column (given as quoted) as text; null stays null."""
        # What a function makes is null where it would be longer than `max_allowed_packet`; a value itself is not.
        if self.base in _BYTES:
            return column if self.alone else f"HEX({column})"
        if self.base in _SHAPES:
            return f"ST_AsText({column})"
        if self.base == "bit":
            return f"({column} + 0)"
        if self.base == "float":
            return f"({column} + 0e0)"  # as it is, and not as rounded for people
        if self.base in _CURSORS:
            low, high = (_FIRST_DAY, _LAST_DAY) if self.base == "date" else (_FIRST, _LAST)
            # Year, month or day 0 make a date that no calendar has.
            real = f"MONTH({column}) > 0 AND DAYOFMONTH({column}) > 0"
            return (
                f"(CASE WHEN {column} < '{low}' AND {real} THEN '{low}' WHEN {column} > '{high}' THEN '{high}' "
                f"WHEN {real} THEN {column} END)"
            )
        if self.arrow == pa.string():
            return f"CONVERT({column} USING utf8mb4)"
        return column

    @property
    def quoted(self) -> bool:
        """Whether the text that is written may hold what divides values, or be empty without being null."""
        return bool(self.arrow in (pa.string(), pa.binary()))

    @property
    def csv(self) -> pa.DataType:
        """The type to read the column's text as."""
        parsed = self.arrow
        if parsed == INSTANT:
            return MOMENT
        return pa.string() if pa.types.is_decimal256(parsed) or pa.types.is_binary(parsed) else parsed

    def read_alone(self, name: str, values: pa.Array) -> pa.Array:
        """The bytes of values that came `alone`, as the `arrow` type."""
        if pa.types.is_binary(self.arrow):
            return values
        return self.read(name, values.cast(pa.string()))

    def read(self, name: str, values: pa.Array) -> pa.Array:
        """What `csv` gave, as the `arrow` type."""
        if values.type == self.arrow:
            return values
        if self.arrow == INSTANT:
            return pc.assume_timezone(values, "UTC")  # the session's
        try:
            if pa.types.is_binary(self.arrow):
                return pa.array([None if v is None else bytes.fromhex(v) for v in values.to_pylist()], pa.binary())
            return pc.cast(values, self.arrow)
        except (pa.ArrowInvalid, ValueError) as error:
            raise Refused(f"Column {name} holds a value that is not {self.arrow}: {error}") from error
