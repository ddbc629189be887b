"""An API as a value: where it is, how one proves who asks, and its resources as tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hedgerow.connectors.base import SyncType
from hedgerow.connectors.rest.auth import Auth, Nobody
from hedgerow.connectors.rest.kinds import Kind
from hedgerow.connectors.rest.pages import Paging, Request, Single
from hedgerow.connectors.rest.webhooks import Webhooks

Columns = Mapping[str, Kind]
"""Kinds of columns by name, in the table's order."""

Selector = str | Callable[[Any], list[Any] | None]
"""Chooses the rows of an answer: a path, or a function that gives `None` where it finds none."""

GetDocument = Callable[[Request], Any]
"""Sends a request and gives the document it answers."""


def columns(**names: str) -> dict[str, Kind]:
    """`columns(integer="created amount", string="id")`: names by their kind."""
    found = [(name, kind) for kind, listed in names.items() for name in listed.split()]
    if len(dict(found)) < len(found):
        raise ValueError("a column is named twice")
    return dict(found)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Increment:
    """How to ask for new rows only, by a column.

    `param` takes the last value, written as `written` says: `plain`, `iso`, `epoch`, `epoch_ms` or a pattern such as
    `%Y-%m-%d`. Without one all rows are asked for and sifted here. `order` is that of the cursor in which the rows
    come: `asc`, `desc` (then reading stops at the first page that is known) or unknown. `params` are set whenever the
    cursor is used, `initial` where nothing was read yet. `inclusive` as in `base.Cursor`: most APIs count in seconds,
    and more than one row may come in one. `behind`: the API takes no value later than so many seconds ago.
    """

    column: str
    param: str | None = None
    written: str = "plain"
    order: Literal["asc", "desc"] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    initial: Any = None
    label: str = ""
    inclusive: bool = True
    ways: tuple[SyncType, ...] = ("incremental", "append")
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Parent:
    """A resource that is asked for once for each row of another.

    `fields` tells which field of the parent's row a `{name}` in the path or the parameters stands for; `carried` are
    fields of the parent that become columns here, by the column's name.
    """

    resource: str
    fields: Mapping[str, str] = field(default_factory=lambda: {"parent": "id"})
    carried: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """One endpoint as a table.

    `rows` chooses the rows of an answer. `columns` are declared; with `open` there may be more, whose kinds
    are found out; `describe` asks the API for them. `shape` makes a row of what the API calls one. `steady`: no row
    comes twice or is passed over when rows are added between two pages.
    """

    name: str
    path: str
    columns: Columns = field(default_factory=dict)
    open: bool = False
    rows: Selector = "$"
    names: str | None = None
    key: tuple[str, ...] = ()
    steady: bool = False
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    paging: Paging = field(default_factory=Single)
    increment: Increment | None = None
    parent: Parent | None = None
    shape: Callable[[Any], Mapping[str, Any]] | None = None
    describe: Callable[[GetDocument], Columns] | None = None
    names_param: str | None = None
    label: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """A remote API, for one configuration.

    `key_field` and `address_field` are the form's fields at fault when it refuses, or its address is refused.
    `message` holds paths of the words in its errors, tried before the usual ones. `check` is asked for to see whether
    we are let in; without it the first page of every resource is. `webhooks`: how it tells of changes by itself, where
    the declaration has a `webhook`.
    """

    base_url: str
    resources: tuple[Resource, ...]
    auth: Auth = field(default_factory=Nobody)
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    key_field: str | None = None
    address_field: str | None = None
    message: tuple[str, ...] = ()
    check: str | None = None
    partial: bool = False
    webhooks: Webhooks | None = None

    def resource(self, name: str) -> Resource | None:
        """The resource of that name."""
        return next((each for each in self.resources if each.name == name), None)
