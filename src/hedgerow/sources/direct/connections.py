"""Opens a direct source for queries: its tables as the language knows them, and their rows."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.live import Reads
from hedgerow.sources.direct import tables
from hedgerow.sources.direct.fetching import Fetching, Remote
from hedgerow.sources.records import Schema, Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.shelf import Shelf
from hedgerow.store import Store
from hedgerow.warehouse import Catalogs

UNKNOWN = "Invalid connectionId: this project has no source of this id that is queried directly."


@dataclass(frozen=True, slots=True)
class Connection:
    """Keeps the query API's protocol of that name."""

    catalog: Catalog
    remote: Remote
    fetching: Fetching

    def filled(self, reads: Reads, moments: Sequence[str | None]) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """The rows that are wanted, in tables of the project's own."""
        return self.fetching.filled(self.remote, self.catalog, reads, moments)


@dataclass(frozen=True, slots=True)
class Connections:
    """The direct sources of all projects."""

    store: Store
    shelf: Shelf
    remotes: Remotes
    catalogs: Catalogs
    fetching: Fetching

    async def open(self, project_id: int, connection_id: str) -> Connection:
        """The connection of that id; raises `InvalidInput` where the project has none."""
        source, config, schemas = await asyncio.to_thread(self._read, project_id, connection_id)
        connector = self.remotes.connector(source.source_type)
        remote = Remote(source.prefix or source.source_type, connector, config)
        catalog = tables.over(await self.catalogs.fetch(project_id), source, config, schemas)
        return Connection(catalog, remote, self.fetching)

    def _read(self, project_id: int, connection_id: str) -> tuple[Source, dict[str, Any], list[Schema]]:
        try:
            with self.store.read() as session:
                source = self.shelf.get(session, project_id, UUID(connection_id))
                if source.direct:
                    return source, self.shelf.config(session, source), self.shelf.schemas(session, [source])
        except (ValueError, NotFound):
            pass
        raise InvalidInput(UNKNOWN, attr="query__connectionId")
