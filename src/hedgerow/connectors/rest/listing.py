"""The rows of a resource, page by page: for each row of its parent where it has one, and only what is new."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any
from urllib.parse import quote

from hedgerow.connectors.base import Ask, Refused
from hedgerow.connectors.rest import kinds
from hedgerow.connectors.rest.api import Columns, Increment, Parent, Resource
from hedgerow.connectors.rest.client import Client, pages
from hedgerow.connectors.rest.kinds import Kind
from hedgerow.connectors.rest.pages import LastRow, Page, Request
from hedgerow.connectors.rest.paths import value_at, values_at
from hedgerow.connectors.rest.spool import SortKey

Row = Mapping[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARENTS_TRIED = 10


def first_rows(client: Client, resource: Resource, known: Columns | None = None) -> list[Row]:
    """The rows of the first page; of a resource with a parent those of the first parent that has any."""
    tried = _PARENTS_TRIED if resource.open else 1  # more only where rows are to tell the columns
    for parent in islice(_parents(client, resource), tried):
        request = resource.paging.first(_request(resource, parent, known or resource.columns))
        rows = _rows(client.page(_starting(request, resource.increment), resource.rows), resource, parent)
        if rows:
            return rows
    return []


def listed(client: Client, resource: Resource, known: Columns, ask: Ask) -> Iterator[list[tuple[SortKey, Row]]]:
    """Pages of rows, each row with what the cursor orders it by (`None` without a cursor)."""
    increment = resource.increment if ask.cursor is not None else None
    after = _comparable(ask.after)
    for parent in _parents(client, resource):
        request = _asking(_request(resource, parent, known), increment, ask)
        if increment is None:
            request = _starting(request, resource.increment)
        for page in pages(client, request, resource.rows, resource.paging):
            rows = _rows(page, resource, parent)
            if increment is None:
                yield [(None, row) for row in rows]
                continue
            kind = known.get(increment.column, "string")
            keyed = [(sort_key(row.get(increment.column), kind, increment), row) for row in rows]
            yield [(sort, row) for sort, row in keyed if _is_new(sort, after, ask.inclusive)]
            if increment.order == "desc" and keyed and not _is_new(keyed[-1][0], after, inclusive=True):
                break


def after_row(client: Client, resource: Resource, known: Columns, last: Any) -> Iterator[tuple[list[Row], Any]]:
    """Pages of a list that is turned by rows' names (`LastRow`), from behind the row `last` on; each page's rows, and
    the name of the last of them."""
    paging = resource.paging
    if not isinstance(paging, LastRow):
        raise TypeError(f"{resource.name} is not turned by rows")
    request = _starting(_request(resource, None, known), resource.increment)
    if last is not None:
        request = request.having(paging.param, last)
    for page in pages(client, request, resource.rows, paging):
        last = value_at(page.rows[-1], paging.field) if page.rows else last
        yield _rows(page, resource, None), last


def _parents(client: Client, resource: Resource) -> Iterator[Row | None]:
    if resource.parent is None:
        yield None
        return
    parent = client.api.resource(resource.parent.resource)
    if parent is None:
        raise Refused(f"Table {resource.name} hangs on {resource.parent.resource}, which is not there.")
    for rows in listed(client, parent, parent.columns, Ask(parent.name)):
        for _, row in rows:
            yield row


def _request(resource: Resource, parent: Row | None, known: Columns) -> Request:
    request = Request(resource.path, resource.params, resource.method, resource.body, resource.headers)
    if resource.names_param is not None:
        names = [name for name in known if name not in resource.columns]
        request = request.having(resource.names_param, ",".join(names))
    if resource.parent is None or parent is None:
        return request
    values = {name: kinds.text_of(value_at(parent, path)) or "" for name, path in resource.parent.fields.items()}
    path, params = request.url, dict(request.params)
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
        params = {k: v.replace(f"{{{name}}}", value) if isinstance(v, str) else v for k, v in params.items()}
    return replace(request, url=path, params=params)


def _rows(page: Page, resource: Resource, parent: Row | None) -> list[Row]:
    given = _named(page, resource)
    made = [resource.shape(row) if resource.shape else row for row in given]
    rows: list[Row] = [row if isinstance(row, dict) else {"value": row} for row in made]
    if resource.parent is not None and parent is not None and resource.parent.carried:
        carried = _carried(resource.parent, parent)
        rows = [{**carried, **row} for row in rows]
    return rows


def _named(page: Page, resource: Resource) -> Sequence[Any]:
    """The rows as objects, where they come as lists with their names apart."""
    if not page.rows or not isinstance(page.rows[0], list):
        return page.rows
    names = list(resource.columns) if resource.names is None else values_at(page.document, resource.names) or []
    if not names and resource.names is None:
        return page.rows
    if any(not isinstance(row, list) or len(row) != len(names) for row in page.rows):
        raise Refused(
            f"Rows of {resource.name} come as lists, and not each has the {len(names)} values of its columns."
        )
    return [dict(zip(map(str, names), row, strict=True)) for row in page.rows]


def _carried(parent: Parent, row: Row) -> dict[str, Any]:
    return {column: value_at(row, path) for column, path in parent.carried.items()}


def _starting(request: Request, increment: Increment | None) -> Request:
    """Where the API always wants to know from when on."""
    if increment is None or increment.param is None or increment.initial is None:
        return request
    return request.having(increment.param, increment.initial)


def _asking(request: Request, increment: Increment | None, ask: Ask) -> Request:
    if increment is None:
        return request
    for name, value in increment.params.items():
        request = request.having(name, value)
    if increment.param is None:
        return request
    if ask.after is None:
        return _starting(request, increment)
    value = _written(ask.after, increment)
    if increment.behind and isinstance(value, int):
        value = min(value, int(time.time()) - increment.behind)
    return request.having(increment.param, value)


def _written(value: Any, increment: Increment) -> Any:
    if not isinstance(value, date):
        return value
    if not isinstance(value, datetime):
        return value.strftime(increment.written) if "%" in increment.written else value.isoformat()
    instant = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if increment.written in {"epoch", "epoch_ms"}:
        seconds = (instant - _EPOCH).total_seconds()
        return int(seconds * 1000) if increment.written == "epoch_ms" else int(seconds)
    # To the second below: more than some APIs read, and what is asked for twice is sifted here.
    return instant.strftime(increment.written if "%" in increment.written else "%Y-%m-%dT%H:%M:%SZ")


def sort_key(value: Any, kind: Kind, increment: Increment) -> SortKey:
    """A cursor's value as a number (times are microseconds) or text."""
    try:
        found = kinds.read(value, kind)
    except (ValueError, TypeError) as error:
        raise Refused(f"Column {increment.column} holds {value!r}, which is no {kind}.") from error
    return _comparable(found)


def _comparable(value: Any) -> SortKey:
    if isinstance(value, datetime):
        return round(((value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH).total_seconds() * 1_000_000)
    if isinstance(value, date):
        return value.toordinal()
    return float(value) if not isinstance(value, int | str | None) else value


def _is_new(sort: SortKey, after: SortKey, inclusive: bool) -> bool:
    if after is None:
        return True
    return sort is not None and (sort > after or (inclusive and sort == after))  # type: ignore[operator]


def cells(resource: Resource, rows: Sequence[Row], names: Sequence[str], known: Columns) -> list[list[Any]]:
    """The values of rows for columns; raises `Refused` for one that is not of its kind."""
    return [[_cell(resource, row.get(name), name, known[name]) for name in names] for row in rows]


def _cell(resource: Resource, value: Any, name: str, kind: Kind) -> Any:
    try:
        return kinds.read(value, kind)
    except (ValueError, TypeError, OverflowError) as error:
        shown = (kinds.text_of(value) or "")[:80]
        raise Refused(f"Column {name} of {resource.name} is declared as {kind}, and holds {shown}.") from error
