"""The routes of data checks: under saved queries and under warehouse tables, alike."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query

from hedgerow.checks import shapes, shelf
from hedgerow.checks.bodies import CheckChange, NewCheck, checked_config
from hedgerow.checks.opening import Checks
from hedgerow.checks.records import Check
from hedgerow.checks.running import changed
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog, Table
from hedgerow.web.access import Access, Gate, UserCards

_HISTORY = Query(ge=1, le=500)
_OF_CHECK = Query(description="Only those of this check.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where checks hang: a resource, what one is called, its scope, and the kinds of tables that it holds."""

    resource: str
    one: str
    scope: str
    kinds: tuple[str, ...]


PLACES = (
    Place("warehouse_saved_queries", "view", "warehouse_view", ("view",)),
    Place("warehouse_tables", "table", "warehouse_table", ("data_warehouse",)),
)


def router(checks: Checks, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    for place in PLACES:
        desk = _Desk(checks, cards, place)
        _reading(routes, desk, gate)
        _writing(routes, desk, gate)
    return routes


@dataclass(frozen=True, slots=True)
class _Desk:
    checks: Checks
    cards: UserCards
    place: Place

    async def target(self, access: Access, target_id: UUID) -> tuple[Catalog, Table]:
        catalog = await self.checks.catalogs.fetch(access.project_id)
        return catalog, self.checks.looking.target(catalog, target_id, self.place.kinds)

    def shown(self, project_id: int, target_id: UUID, check_id: UUID | None = None) -> list[dict[str, Any]]:
        found = self.checks.latest(project_id, target_id)
        if check_id is not None:
            found = [(check, last) for check, last in found if check.id == check_id]
        known = self.cards.cards({check.created_by for check, _ in found if check.created_by is not None})
        return [shapes.check(check, last, known) for check, last in found]

    async def tried(self, access: Access, check: Check) -> None:
        """Raises `InvalidInput` for a check that cannot be run over its target as it is."""
        catalog, table = await self.target(access, check.target_id)
        try:
            await self.checks.looking.check(catalog, table, check)
        except InvalidInput as fault:
            fault.attr = fault.attr or ("config__query" if check.kind == "custom_sql" else "config")
            raise


def _reading(routes: APIRouter, desk: _Desk, gate: Gate) -> None:
    may_read, one = gate.project(f"{desk.place.scope}:read"), desk.place.one
    base = f"/{desk.place.resource}/{{target_id}}/data_checks"

    @routes.get(base, name=f"list_{one}_checks")
    async def list_checks(access: Annotated[Access, Depends(may_read)], target_id: UUID) -> dict[str, Any]:
        """The checks of a table, each with what it found last."""
        await desk.target(access, target_id)
        return {"results": await asyncio.to_thread(desk.shown, access.project_id, target_id)}

    @routes.get(f"{base}/results", name=f"list_{one}_results")
    async def list_results(
        access: Annotated[Access, Depends(may_read)],
        target_id: UUID,
        limit: Annotated[int, _HISTORY] = 100,
        check_id: Annotated[UUID | None, _OF_CHECK] = None,
    ) -> dict[str, Any]:
        """What was found, newest first; of each check the last 100 are kept."""
        await desk.target(access, target_id)

        def read() -> list[dict[str, Any]]:
            with desk.checks.store.read() as session:
                found = shelf.results(session, access.project_id, target_id, limit, check_id)
            return [shapes.result(each) for each in found]

        return {"results": await asyncio.to_thread(read)}

    @routes.get(f"{base}/{{check_id}}", name=f"get_{one}_check")
    async def get_check(
        access: Annotated[Access, Depends(may_read)], target_id: UUID, check_id: UUID
    ) -> dict[str, Any]:
        """One check with what it found last."""
        await desk.target(access, target_id)
        await asyncio.to_thread(_got, desk, access, target_id, check_id)
        return (await asyncio.to_thread(desk.shown, access.project_id, target_id, check_id))[0]


def _writing(routes: APIRouter, desk: _Desk, gate: Gate) -> None:
    may_write, one = gate.project(f"{desk.place.scope}:write"), desk.place.one
    base = f"/{desk.place.resource}/{{target_id}}/data_checks"

    @routes.post(base, status_code=201, name=f"create_{one}_check")
    async def create_check(
        access: Annotated[Access, Depends(may_write)], target_id: UUID, body: NewCheck
    ) -> dict[str, Any]:
        """Say what must hold of a table's rows; looked at before, or right after, new rows are published."""
        config = checked_config(body.kind, body.config)
        said: dict[str, Any] = body.model_dump(include={"kind", "severity", "enabled"})
        said |= {"name": body.name or _called(body.kind, config), "config": config}
        by = access.principal.user_id
        draft = Check(uuid4(), access.project_id, target_id, **said, created_by=by, created_at=now())
        await desk.tried(access, draft)
        made = await asyncio.to_thread(_added, desk, draft, said)
        return (await asyncio.to_thread(desk.shown, access.project_id, target_id, made.id))[0]

    @routes.post(f"{base}/run", name=f"run_{one}_checks")
    async def run_checks(access: Annotated[Access, Depends(may_write)], target_id: UUID) -> dict[str, Any]:
        """Look now, over the rows that are served; what is found is kept, and nothing else happens."""
        findings = await desk.checks.looking.look(access.project_id, target_id, desk.place.kinds)
        return {"results": [shapes.finding(found) for found in findings]}

    @routes.patch(f"{base}/{{check_id}}", name=f"change_{one}_check")
    async def change_check(
        access: Annotated[Access, Depends(may_write)], target_id: UUID, check_id: UUID, body: CheckChange
    ) -> dict[str, Any]:
        """Set what is said; the kind stays."""
        await desk.target(access, target_id)
        present = await asyncio.to_thread(_got, desk, access, target_id, check_id)
        values = body.model_dump(include=body.model_fields_set)
        if values.get("name", "") is None:
            del values["name"]
        if "config" in values:
            values["config"] = checked_config(present.kind, values["config"])
            await desk.tried(access, changed(present, values))
        await asyncio.to_thread(_changed, desk, present, values)
        return (await asyncio.to_thread(desk.shown, access.project_id, target_id, check_id))[0]

    @routes.delete(f"{base}/{{check_id}}", status_code=204, name=f"delete_{one}_check")
    async def delete_check(access: Annotated[Access, Depends(may_write)], target_id: UUID, check_id: UUID) -> None:
        """Forget a check and what it found."""
        await desk.target(access, target_id)
        await asyncio.to_thread(_removed, desk, access, target_id, check_id)


def _got(desk: _Desk, access: Access, target_id: UUID, check_id: UUID) -> Check:
    with desk.checks.store.read() as session:
        return shelf.get(session, access.project_id, target_id, check_id)


def _added(desk: _Desk, draft: Check, said: Mapping[str, Any]) -> Check:
    with desk.checks.store.write() as session:
        return shelf.add(session, draft.project_id, draft.target_id, {**said, "created_by": draft.created_by})


def _changed(desk: _Desk, check: Check, values: Mapping[str, Any]) -> Check:
    with desk.checks.store.write() as session:
        return shelf.change(session, check, values)


def _removed(desk: _Desk, access: Access, target_id: UUID, check_id: UUID) -> None:
    with desk.checks.store.write() as session:
        shelf.remove(session, access.project_id, target_id, check_id)


def _called(kind: str, config: Mapping[str, Any]) -> str:
    """A name for a check that was given none."""
    columns = config.get("columns") or [config["column"]] if "column" in config or "columns" in config else []
    return " ".join([kind, ", ".join(columns)]).strip()[:200]
