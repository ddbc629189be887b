"""What goes into an engine and what comes out: queries, limits, answers, progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hedgerow.kit.values import Bound


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take; `None` is no limit. `max_rows` bounds the answer's rows: over it is an error."""

    seconds: float | None = 60.0
    memory_bytes: int | None = 4 << 30
    max_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """ClickHouse text with `{name:Type}` parameters. `id` is unique in the engine; empty lets the engine choose.

    `settings` are the server's own (`transform_null_in` and such), never a user's.
    """

    sql: str
    parameters: Mapping[str, Bound] = field(default_factory=dict)
    limits: Limits = Limits()
    id: str = ""
    settings: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A column by name with the engine's own type text, such as `Nullable(Int64)`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine and how it is read. `format` is ClickHouse's name.

    `double_quotes`: in CSV, they enclose values; without, they are part of them.
    """

    path: Path
    format: str
    double_quotes: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `rows` holds one JSON array per line, as the engine wrote it (`JSONCompactEachRow`)."""

    columns: tuple[Column, ...]
    rows: bytes
    row_count: int
    rows_read: int = 0
    bytes_read: int = 0
    seconds: float = 0.0

    def json_rows(self) -> bytes:
        """`[row,row,…]`: the rows as one JSON array, without parsing them."""
        return b"[" + self.rows.rstrip(b"\n").replace(b"\n", b",") + b"]"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running query has come."""

    rows_read: int
    bytes_read: int
    estimated_rows_total: int
    seconds: float
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """What a table takes; `parts` is how many pieces it lies in, on all nodes."""

    rows: int
    bytes_on_disk: int
    parts: int
