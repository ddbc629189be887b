"""Endpoints in memory: a run asks the store for nothing, and sees a change after a second at most."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.endpoints import shelf
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.values import values_of
from hedgerow.kit.rates import Charge, Rate
from hedgerow.language.query.pipeline import Value
from hedgerow.store import Store, revisions
from hedgerow.variables import Variables
from hedgerow.variables.shelf import subject as variables_subject


@dataclass(frozen=True, slots=True)
class Definition:
    """What a run needs of an endpoint's version; `values` are those of its variables where a caller gives none."""

    endpoint: Endpoint
    values: Mapping[str, Value]
    charges: tuple[Charge, ...] = ()
    """What the endpoint's own rate counts."""


@dataclass(slots=True)
class _Project:
    """The definitions of one project at one revision, filled as they are asked for."""

    known: dict[tuple[str, int | None], Definition] = field(default_factory=dict)


class Definitions:
    """Definitions by project, name and version number."""

    def __init__(self, store: Store, variables: Variables) -> None:
        self._store, self._variables = store, variables
        self._memory: revisions.Remembered[int, _Project] = revisions.Remembered(self._revision, lambda _: _Project())

    async def find(self, project_id: int, name: str, number: int | None) -> Definition | None:
        """A version, or the current one; `None` for a number there is not. Raises `NotFound` for the endpoint."""
        project = await self._memory.fetch(project_id)
        found = project.known.get((name, number))
        if found is None:
            found = await asyncio.to_thread(self._load, project_id, name, number)
            if found is not None:
                project.known[name, number] = found
        return found

    def forget(self, project_id: int) -> None:
        """Load the project's definitions anew at their next use."""
        self._memory.forget(project_id)

    def _revision(self, project_id: int) -> int:
        with self._store.read() as session:
            return sum(
                revisions.current(session, s) for s in (shelf.subject(project_id), variables_subject(project_id))
            )

    def _load(self, project_id: int, name: str, number: int | None) -> Definition | None:
        with self._store.read() as session:
            endpoint = shelf.find(session, project_id, name, number)
            if endpoint is None:
                return None
            query = endpoint.version.query
            values = values_of(query, self._defaults(session, project_id, query))
            return Definition(endpoint, values, _charges(endpoint))

    def _defaults(self, session: Session, project_id: int, query: Mapping[str, Any]) -> dict[str, Any]:
        ids = [UUID(key) for key in query.get("variables") or {}]
        found = self._variables.by_ids(session, project_id, ids) if ids else {}
        return {str(identifier): variable.default_value for identifier, variable in found.items()}


def _charges(endpoint: Endpoint) -> tuple[Charge, ...]:
    rate = Rate.parse(endpoint.rate_limit or "")
    return () if rate is None else (Charge("endpoint", rate, f"throttle:endpoint:{rate.seconds}:{endpoint.id}"),)
