"""Endpoints in memory: a run asks the store for nothing, and sees a change after a second at most."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from hedgerow.endpoints import shelf
from hedgerow.endpoints.records import Endpoint
from hedgerow.endpoints.values import values_of
from hedgerow.kit.clock import iso
from hedgerow.kit.rates import Charge, Rate
from hedgerow.language.query.pipeline import Value
from hedgerow.store import Store, revisions
from hedgerow.variables import ANY, TYPES, Type, Variable, Variables
from hedgerow.variables.shelf import subject as variables_subject


@dataclass(frozen=True, slots=True)
class Definition:
    """What a run needs of an endpoint's version; `values` are those of its variables where a caller gives none."""

    endpoint: Endpoint
    values: Mapping[str, Value]
    types: Mapping[str, Type]
    """Of the same variables, as they are declared now."""
    charges: tuple[Charge, ...] = ()
    """What the endpoint's own rate counts."""
    told: bytes = b""
    """What each answer tells of the version: members of a JSON object, without its braces."""


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

    def peek(self, project_id: int, name: str) -> Definition | None:
        """The current version, if it is known without asking anybody."""
        project = self._memory.peek(project_id)
        return project.known.get((name, None)) if project else None

    async def answering(self, project_id: int, name: str) -> Definition | None:
        """The version that answers a run which names none. Raises `NotFound` for the endpoint."""
        current = await self.find(project_id, name, None)
        if current is None or current.endpoint.default_version == current.endpoint.current_version:
            return current
        return await self.find(project_id, name, current.endpoint.default_version)

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
            declared = self._declared(session, project_id, query)
            values = values_of(query, {key: variable.default_value for key, variable in declared.items()})
            return Definition(endpoint, values, _types(query, declared), _charges(endpoint), _told(endpoint))

    def _declared(self, session: Session, project_id: int, query: Mapping[str, Any]) -> dict[str, Variable]:
        ids = [UUID(key) for key in query.get("variables") or {}]
        found = self._variables.by_ids(session, project_id, ids) if ids else {}
        return {str(identifier): variable for identifier, variable in found.items()}


def _types(query: Mapping[str, Any], declared: Mapping[str, Variable]) -> dict[str, Type]:
    """By code name; a variable that was deleted takes anything."""
    uses = (query.get("variables") or {}).items()
    return {use["code_name"]: TYPES[declared[key].type] if key in declared else ANY for key, use in uses}


def _told(endpoint: Endpoint) -> bytes:
    version = endpoint.version
    told = {
        "name": endpoint.name,
        "endpoint_version": version.number,
        "endpoint_version_created_at": iso(version.created_at),
    }
    return orjson.dumps(told)[1:-1]


def _charges(endpoint: Endpoint) -> tuple[Charge, ...]:
    rate = Rate.parse(endpoint.rate_limit or "")
    return () if rate is None else (Charge("endpoint", rate, f"throttle:endpoint:{rate.seconds}:{endpoint.id}"),)
