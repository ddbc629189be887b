"""What a connector is: a declaration of its fields, a check, the tables it finds, and their rows as Arrow batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

import pyarrow as pa

from hedgerow.connectors.watching import Watch

FieldKind = Literal["text", "password", "number", "select", "switch", "switch-group", "textarea", "ssh-tunnel", "json"]
SyncType = Literal["full_refresh", "incremental", "append", "webhook", "cdc"]
CursorType = Literal["integer", "numeric", "datetime", "date", "timestamp", "objectid", "xid"]
CursorValue = int | float | Decimal | datetime | date | str
Config = Mapping[str, Any]
"""Values of a declaration's fields, as `configuring.cleaned` made them: numbers are `int`, switches `bool`."""


class SourceError(Exception):
    """Something about a source that its user should read: a sentence without secrets.

    `field` is the field of the form at fault. `retryable`: whether trying again later, unchanged, may help.
    """

    retryable = False

    def __init__(self, text: str, *, field: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(text)
        self.text, self.field = text, field
        self.retryable = type(self).retryable if retryable is None else retryable


class Unreachable(SourceError):
    """The remote did not answer, or stopped answering."""

    retryable = True


class Refused(SourceError):
    """The remote answered and refused: a wrong password, a missing permission, a table that is not there."""


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select; `fields` are asked for when it is chosen."""

    value: str
    label: str
    fields: "tuple[Field, ...]" = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a source's form; the form, validation, redaction and documentation are made from it.

    A select whose options have fields, and a switch that has some, hold an object: `{"selection": …, <fields>}` and
    `{"enabled": …, <fields>}`, as do a `switch-group`, whether it has fields or not, and an `ssh-tunnel`, whose fields
    are those of `tunnel.SSH_TUNNEL`. The value of a `secret` or of a password is never shown again.
    """

    name: str
    label: str
    kind: FieldKind = "text"
    required: bool = True
    secret: bool = False
    default: str | int | bool | None = None
    placeholder: str = ""
    options: tuple[Option, ...] = ()
    caption: str = ""
    fields: "tuple[Field, ...]" = ()

    @property
    def hidden(self) -> bool:
        """Whether its value is never shown again."""
        return self.secret or self.kind == "password"


def _host(config: Config) -> frozenset[str]:
    found = config.get("host")
    return frozenset({found.lower()}) if isinstance(found, str) and found else frozenset()


def _unchanged(given: Mapping[str, Any]) -> dict[str, Any]:
    return dict(given)


@dataclass(frozen=True, slots=True)
class WebhookForm:
    """What is said of a remote's webhooks before any is there.

    `fields` are what its user gives where this server could not register the webhook by itself, `caption` is how to do
    that by hand, and `tables` are those that events tell of.
    """

    fields: tuple[Field, ...]
    caption: str
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a type of source is called and asks for.

    `category` is one of the API's: `Databases`, `File storage`, `Payments & billing`, … `normalise` rewrites older or
    shorter ways of giving the fields (aliases, a connection string) before they are checked; it must bear anything that
    JSON can hold, and only part of the fields. `hosts` names every host that secrets may be sent to;
    `host_label` is what the field they come from is called. `snapshot`: all rows of one read are of one moment.
    `webhook`: the remote can tell of changes by itself. `live`: its tables can be read by queries, as they run.
    """

    source_type: str
    label: str
    caption: str
    docs_url: str
    fields: tuple[Field, ...]
    category: str = "Databases"
    normalise: Callable[[Mapping[str, Any]], dict[str, Any]] = _unchanged
    hosts: Callable[[Config], frozenset[str]] = _host
    release: Literal["alpha", "beta", "ga"] = "beta"
    keywords: tuple[str, ...] = ()
    host_label: str = "connection host"
    snapshot: bool = False
    webhook: WebhookForm | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class RemoteColumn:
    """A column of a remote table; `remote_type` is the remote's own word for its type."""

    name: str
    remote_type: str
    arrow_type: pa.DataType
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Cursor:
    """A column that tells which rows are new.

    `inclusive`: several rows may yet come with the value that was seen last (days, transaction ids), so those of that
    value are to be asked for again. `label` is another name that users may know it by. `unit` is the column that names
    the files, or the like, whose rows come together: a read is told which of them are there already, each with its
    value of the cursor, and one that comes again with another value takes the place of its older rows.
    """

    field: str
    type: CursorType
    label: str = ""
    inclusive: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class RemoteTable:
    """A table, collection or resource of the remote.

    `found_out`: the types of its columns were found out by looking at values, and it gives them as wider ones too.
    `own` is what its connector knows of it besides, to have it again with `Ask.found`.
    """

    name: str
    columns: tuple[RemoteColumn, ...]
    primary_key: tuple[str, ...] = ()
    cursors: tuple[Cursor, ...] = ()
    row_estimate: int | None = None
    label: str | None = None
    description: str | None = None
    sync_types: tuple[SyncType, ...] = ("full_refresh",)
    default_cursor: str | None = None
    found_out: bool = False
    own: object = field(default=None, compare=False, repr=False)

    def cursor(self, field: str) -> Cursor | None:
        """The cursor of that field."""
        return next((cursor for cursor in self.cursors if cursor.field == field), None)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison with a column; only `in` has several values. A moment is in UTC, and tells no zone.

    Numbers are compared with numbers, texts (`=` and `in` alone) with texts, and moments with days and moments.
    """

    column: str
    op: Literal["=", "<", "<=", ">", ">=", "in"]
    values: tuple[int | str | datetime, ...]


@dataclass(frozen=True, slots=True)
class Sift:
    """Which rows are wanted: those that meet all conditions, and of these the first so many in an order.

    A connector may give more rows than that, and never fewer: it tells its remote of what means the same there. `order`
    is of columns, each with whether it is descending; null is last.
    """

    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What to read: of `columns` (all when `None`), and where a `cursor` is named what lies beyond `after`.

    `inclusive`: from it on. With a cursor the rows come in its order, those without a value first; they are left out
    once there is an `after`, which is a value of the cursor's column as Arrow gave it (`as_py`). A batch ends at
    `batch_rows` rows or about `batch_bytes` bytes, whichever comes first. `watch` says when nobody wants more.
    `known`, for a cursor with units, are those that are there already: all others are asked for, whatever `after` is.
    `found` is the table as it was found before: where it is another by now, the read raises for another try.
    `sift`, for a `live` connector and without a cursor, says which rows are wanted.
    """

    table: str
    columns: tuple[str, ...] | None = None
    cursor: str | None = None
    after: CursorValue | None = None
    inclusive: bool = False
    batch_rows: int = 100_000
    batch_bytes: int = 32 << 20
    watch: Watch = field(default_factory=Watch, compare=False, repr=False)
    known: frozenset[tuple[str, CursorValue]] | None = None
    found: RemoteTable | None = field(default=None, compare=False, repr=False)
    sift: Sift | None = None


class Connector(Protocol):
    """A remote system. All calls block: make them from a thread. They raise `SourceError` and its children.

    Arrow types in use: bool, integers, floats, decimal128 and decimal256, string (also for UUID and JSON), binary,
    date32, `timestamp("us")` with "UTC" where the remote knows the instant and without where it does not, and lists of
    these.
    """

    @property
    def declaration(self) -> Declaration: ...

    def check(self, config: Config) -> None:
        """Raise unless the remote lets us in."""

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        """Every table there is to read, ordered by name."""

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        """The rows; all batches of one schema, the one `discover` tells, and none of them empty.

        The connection is closed when the iterator ends or is closed (`close()`), early or not.
        """


@runtime_checkable
class Finder(Protocol):
    """A connector that finds one table faster than all of them."""

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """The table as `discover` tells of it; `None` when there is none of that name."""


def table_of(connector: Connector, config: Config, name: str) -> RemoteTable | None:
    """One of a remote's tables, by the shortest way there is."""
    if isinstance(connector, Finder):
        return connector.find(config, name)
    return next((table for table in connector.discover(config) if table.name == name), None)
