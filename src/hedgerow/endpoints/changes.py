"""Making, changing and deleting endpoints: a query is checked first, then everything is set in one transaction."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from hedgerow.endpoints import noting, shelf
from hedgerow.endpoints.bodies import EndpointChange, NewEndpoint
from hedgerow.endpoints.materialized.wishes import Materializing
from hedgerow.endpoints.preparing import Preparation
from hedgerow.endpoints.records import Endpoint, Prepared, Wishes
from hedgerow.endpoints.run.memory import Definitions
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.web.access import Access

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changed:
    """A change's outcome. `targeted`: a version was named. `fault`: why materializing the new version failed."""

    endpoint: Endpoint
    targeted: bool = False
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Writes endpoints."""

    store: Store
    preparation: Preparation
    definitions: Definitions
    materializing: Materializing

    async def create(self, access: Access, body: NewEndpoint) -> Endpoint:
        """A new endpoint with its version 1. Nothing is stored when anything is wrong."""
        name = body.checked_name()
        if body.query is None:
            raise InvalidInput("This field is required.", attr="query", code="required")
        of_version, of_endpoint = body.of_version(), body.of_endpoint()
        of_endpoint["is_active"] = body.is_active is not False
        prepared = await self._prepared(access.project_id, body.query)
        wish = await self.materializing.of_new(access.project_id, name, body, prepared.query)
        wishes = Wishes(of_endpoint, of_version, prepared)
        user_id = access.principal.user_id

        def create(session: Session) -> Endpoint:
            made = shelf.add(session, access.project_id, user_id, name, wishes)
            noting.created(session, user_id, made)
            self.materializing.carry_out(session, wish, made, targeted=False)
            return shelf.refreshed(session, made)

        return await self._write(access, create)

    async def change(self, access: Access, name: str, body: EndpointChange, version: int | str | None) -> Changed:
        """Set what is said on the endpoint, or on that version."""
        reference = version if body.version is None else body.version
        targeted = reference is not None
        present = await asyncio.to_thread(self._present, access.project_id, name, reference)
        # An alias is looked up once: what is checked here is what is changed below.
        number = present.version.number if targeted else None
        wishes = await self._wishes(access.project_id, body, targeted=targeted)
        wish = await self.materializing.of_change(body, present, wishes, targeted=targeted)
        user_id = access.principal.user_id

        def change(session: Session) -> tuple[Endpoint, bool]:
            before = shelf.find(session, access.project_id, name, number, lock=True)
            changed = shelf.change(session, access.project_id, user_id, (name, number), wishes)
            if before is not None:
                noting.changed(session, user_id, before, changed[0])
            self.materializing.carry_out(session, wish, changed[0], targeted=targeted)
            return shelf.refreshed(session, changed[0]), changed[1]

        endpoint, made = await self._write(access, change)
        return Changed(endpoint, targeted, wish.fault if made else None)

    async def delete(self, access: Access, name: str) -> None:
        """Hide it and free its name; raises `NotFound`."""

        def delete(session: Session) -> None:
            gone = shelf.find(session, access.project_id, name, lock=True)
            shelf.delete(session, access.project_id, name)
            if gone is not None:
                switch = self.materializing.switch
                switch.off(session, switch.versions(session, gone.id))
                noting.deleted(session, access.principal.user_id, gone)

        await self._write(access, delete)

    async def _wishes(self, project_id: int, body: EndpointChange, *, targeted: bool) -> Wishes:
        if targeted and body.query is not None:
            text = "Cannot change query of a version. Leave version out to make a new one."
            raise InvalidInput(text, attr="query")
        of_endpoint, of_version = body.of_endpoint(), body.of_version()
        if body.is_active is not None:
            (of_version if targeted else of_endpoint)["is_active"] = body.is_active
        prepared = await self._prepared(project_id, body.query) if body.query is not None else None
        return Wishes(of_endpoint, of_version, prepared)

    async def _prepared(self, project_id: int, query: Any) -> Prepared:
        prepared = await self.preparation.prepare(project_id, query)
        return await self.materializing.judged(project_id, prepared)

    def _present(self, project_id: int, name: str, reference: int | str | None) -> Endpoint:
        with self.store.read() as session:
            found = shelf.find(session, project_id, name, reference)
        if found is None:
            raise InvalidInput(f"Version {str(reference)[:20]} not found.", attr="version")
        return found

    async def _write(self, access: Access, work: Callable[[Any], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        try:
            return await asyncio.to_thread(write)
        finally:
            self.definitions.forget(access.project_id)
