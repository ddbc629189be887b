"""Lists that are turned by the names of rows: a read of one can be gone on with behind any page."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hedgerow.connectors.base import Ask, Refused, RemoteColumn
from hedgerow.connectors.batches import batched
from hedgerow.connectors.rest.api import Columns, Resource
from hedgerow.connectors.rest.client import Client
from hedgerow.connectors.rest.listing import Row, after_row, cells
from hedgerow.connectors.rest.pages import LastRow
from hedgerow.connectors.resuming import Moved, Onward, Step


def goes_on(resource: Resource) -> bool:
    """Whether its rows come one list after the other, straight through, each page behind a row that is named."""
    straight = resource.steady and not resource.open and resource.parent is None
    return straight and isinstance(resource.paging, LastRow)


@dataclass(slots=True)
class Turning:
    """One read. `last` is the row that it has come to; `more`: whether the list may go on behind it."""

    client: Client
    resource: Resource
    known: Columns
    onward: Onward
    last: Any = field(default=None)
    more: bool = field(default=True)

    def steps(self, chosen: tuple[RemoteColumn, ...], ask: Ask) -> Iterator[Step]:
        """All rows, or those behind the place; raises `Moved` where the remote does not know that row any more."""
        if self.onward.place is not None:
            self.last = self.onward.place["last"]
        pages = self._pages()
        names = [column.name for column in chosen]
        while self.more:
            rows = self._some(pages)

            def fetched(count: int, rows: Iterator[Row] = rows) -> list[list[Any]]:
                return cells(self.resource, list(islice(rows, count)), names, self.known)

            yield from map(Step, batched(fetched, chosen, ask))
            if self.more:
                yield Step(None, {"last": self.last})

    def _some(self, pages: Iterator[tuple[list[Row], Any]]) -> Iterator[Row]:
        """The rows of page after page, until a place is wanted."""
        for rows, last in pages:
            yield from rows
            self.last = last
            if self.onward.due():
                return
        self.more = False

    def _pages(self) -> Iterator[tuple[list[Row], Any]]:
        any_came = False
        try:
            for page in after_row(self.client, self.resource, self.known, self.last):
                any_came = True
                yield page
        except Refused as fault:
            if any_came or self.onward.place is None or fault.retryable:
                raise
            raise Moved(f"The remote does not go on behind the last row that was read: {fault.text}") from fault
