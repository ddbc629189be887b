"""Reading endpoints: lists, single ones, versions, and when they last ran."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from hedgerow.endpoints import shelf
from hedgerow.endpoints.errors import no_version
from hedgerow.endpoints.preparing import Preparation
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.run.usage import Usage
from hedgerow.store import Store, StoreFull
from hedgerow.web.pages import Slice

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads see every run of this process, also those not written yet."""

    store: Store
    preparation: Preparation
    usage: Usage

    async def page(self, project_id: int, filters: Mapping[str, Any], page: Slice) -> tuple[int, list[Endpoint]]:
        """How many endpoints there are, and one page of them."""
        return await self._read(lambda s: shelf.page(s, project_id, filters, page.limit, page.offset))

    async def versions(
        self, project_id: int, name: str, filters: Mapping[str, Any], page: Slice
    ) -> tuple[int, list[Endpoint]]:
        """How many versions an endpoint has, and one page of them; raises `NotFound`."""
        return await self._read(lambda s: shelf.versions(s, project_id, name, filters, page.limit, page.offset))

    async def find(self, project_id: int, name: str, reference: int | str | None) -> Endpoint:
        """An endpoint, or one of its versions, with columns as soon as the engine can tell them."""
        found = await self._read(lambda s: shelf.find(s, project_id, name, reference))
        if found is None:
            raise no_version(reference or 0)
        return await self._described(found) if found.version.columns is None else found

    async def last_executions(self, project_id: int, names: Sequence[str]) -> dict[str, datetime]:
        """When endpoints last ran, by name."""
        return await self._read(lambda s: shelf.last_executions(s, project_id, names))

    async def _described(self, endpoint: Endpoint) -> Endpoint:
        version = endpoint.version
        columns = await self.preparation.columns(endpoint.project_id, version.query)
        if columns is None:
            return endpoint

        def keep() -> None:
            with self.store.write() as session:
                shelf.describe(session, version.id, columns)

        with suppress(StoreFull):  # it can be told all the same
            await asyncio.to_thread(keep)
        return replace(endpoint, version=replace(version, columns=columns))

    async def _read(self, work: Callable[[Session], T]) -> T:
        with suppress(StoreFull):  # what is there can be read all the same
            await self.usage.flush()

        def read() -> T:
            with self.store.read() as session:
                return work(session)

        return await asyncio.to_thread(read)
