"""Aliases: names that mean a version, and are moved from one to another."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from hedgerow.endpoints import noting, shelf
from hedgerow.endpoints.bodies import ALIAS
from hedgerow.endpoints.errors import no_endpoint
from hedgerow.endpoints.records import LATEST, Endpoint
from hedgerow.endpoints.run.memory import Definitions
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.store import Store
from hedgerow.web.access import Access

_MOST = 100


@dataclass(frozen=True, slots=True)
class Aliases:
    """Reads and writes the aliases of endpoints. A run sees a move at once; behind other processes, within a second."""

    store: Store
    definitions: Definitions

    async def all(self, project_id: int, name: str) -> list[dict[str, Any]]:
        """Every alias in the API's shape, `latest` first; raises `NotFound`."""

        def read() -> Endpoint | None:
            with self.store.read() as session:
                return shelf.find(session, project_id, name)

        found = await asyncio.to_thread(read)
        if found is None:
            raise no_endpoint(name)
        return [shown(found, alias) for alias in (LATEST, *sorted(found.aliases))]

    async def point(self, access: Access, name: str, alias: str, reference: int | str) -> dict[str, Any]:
        """Let an alias mean a version from now on. Raises `NotFound` for the endpoint, else `InvalidInput`."""
        _check(alias)

        def point(session: Session) -> tuple[Endpoint, Endpoint] | None:
            return shelf.point(session, access.project_id, name, alias, reference)

        before, after = await self._write(access, point, reference)
        return {**shown(after, alias), "previous_version": before.aliases.get(alias)}

    async def forget(self, access: Access, name: str, alias: str) -> None:
        """Let an alias mean nothing; raises `NotFound` when there is none of that name."""
        if alias == LATEST:
            _check(alias)

        def forget(session: Session) -> tuple[Endpoint, Endpoint] | None:
            try:
                return shelf.point(session, access.project_id, name, alias, None)
            except KeyError:
                raise NotFound(f"Endpoint '{name}' has no alias '{alias[:64]}'.") from None

        await self._write(access, forget, alias)

    async def _write(
        self, access: Access, work: Callable[[Session], tuple[Endpoint, Endpoint] | None], reference: int | str
    ) -> tuple[Endpoint, Endpoint]:
        def write() -> tuple[Endpoint, Endpoint]:
            with self.store.write() as session:
                done = work(session)
                if done is None:
                    raise InvalidInput(f"Version {str(reference)[:20]} not found.", attr="version")
                if len(done[1].aliases) > _MOST:
                    raise InvalidInput(f"An endpoint has {_MOST} aliases at most.", attr="alias")
                noting.changed(session, access.principal.user_id, *done)
                return done

        try:
            return await asyncio.to_thread(write)
        finally:
            self.definitions.forget(access.project_id)


def shown(endpoint: Endpoint, alias: str) -> dict[str, Any]:
    """An alias as the API answers it."""
    is_default = alias == (endpoint.default_alias or LATEST)
    return {"alias": alias, "version": endpoint.number_of(alias), "is_default": is_default}


def _check(alias: str) -> None:
    if alias == LATEST:
        raise InvalidInput("latest always means the current version: it cannot be set.", attr="alias")
    if not ALIAS.match(alias):
        text = "An alias is a lower-case letter and up to 63 lower-case letters, digits, hyphens and underscores."
        raise InvalidInput(text, attr="alias")
