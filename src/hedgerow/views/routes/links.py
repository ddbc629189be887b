"""The routes of saved joins and of managed sets of views."""

from typing import Annotated, Any
from uuid import UUID, uuid4

import orjson
from fastapi import APIRouter, Depends, Request

from hedgerow.engine.base import Limits, Query
from hedgerow.kit.clock import iso
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompileOptions, compile_query
from hedgerow.store import Store
from hedgerow.views import links, shapes, shelf
from hedgerow.views.bodies import Enabling, LinkChange, LinkKeys, NewLink
from hedgerow.views.opening import Views
from hedgerow.views.texts.rewriting import quoted
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate, UserCards

_KINDS = ("revenue_analytics",)
_SECONDS = 10.0
_KEYS = ("source_table_name", "source_table_key", "joining_table_name", "joining_table_key")


def router(store: Store, views: Views, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _reading(routes, store, cards, gate)
    _writing(routes, store, views, cards, gate)
    _trying(routes, views, gate)
    _viewsets(routes, store, views, gate)
    return routes


def _shown(link: links.Link, cards: UserCards) -> dict[str, Any]:
    return shapes.link(link, cards.cards({link.created_by} if link.created_by else set()))


def _reading(routes: APIRouter, store: Store, cards: UserCards, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.get("/warehouse_view_links")
    def list_links(request: Request, access: Annotated[Access, Depends(may_read)]) -> dict[str, Any]:
        """Saved joins, newest first."""
        page = pages.by_offset(request)
        with store.read() as session:
            count, found = links.page(session, access.project_id, page.limit, page.offset)
        return page.envelope(count, [_shown(link, cards) for link in found])

    @routes.get("/warehouse_view_links/{link_id}")
    def get_link(access: Annotated[Access, Depends(may_read)], link_id: UUID) -> dict[str, Any]:
        """One saved join."""
        with store.read() as session:
            return _shown(links.get(session, access.project_id, link_id), cards)


def _writing(routes: APIRouter, store: Store, views: Views, cards: UserCards, gate: Gate) -> None:
    may_write = gate.project("warehouse_view:write")

    @routes.post("/warehouse_view_links", status_code=201)
    async def create_link(access: Annotated[Access, Depends(may_write)], body: NewLink) -> dict[str, Any]:
        """Save a join: queries then read `source_table.field_name.column`."""
        values = {**body.model_dump(), "configuration": body.configuration or {}}
        check(await views.catalogs.fetch(access.project_id), values)
        with store.write() as session:
            made = links.add(session, access.project_id, access.principal.user_id, values)
        views.catalogs.forget(access.project_id)
        return _shown(made, cards)

    @routes.patch("/warehouse_view_links/{link_id}")
    async def change_link(
        access: Annotated[Access, Depends(may_write)], link_id: UUID, body: LinkChange
    ) -> dict[str, Any]:
        """Set what is said."""
        values = body.model_dump(include=body.model_fields_set, exclude_none=True)
        with store.read() as session:
            present = links.get(session, access.project_id, link_id)
        whole = {name: getattr(present, name) for name in (*_KEYS, "field_name")} | values
        check(await views.catalogs.fetch(access.project_id), whole, own=present.field_name)
        with store.write() as session:
            changed = links.change(session, access.project_id, link_id, values)
        views.catalogs.forget(access.project_id)
        return _shown(changed, cards)

    @routes.delete("/warehouse_view_links/{link_id}", status_code=204)
    async def delete_link(access: Annotated[Access, Depends(may_write)], link_id: UUID) -> None:
        """Forget a join; queries that walk it fail from then on."""
        with store.write() as session:
            links.delete(session, access.project_id, link_id)
        views.catalogs.forget(access.project_id)


def _trying(routes: APIRouter, views: Views, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.post("/warehouse_view_links/validate")
    async def validate_link(access: Annotated[Access, Depends(may_read)], body: LinkKeys) -> dict[str, Any]:
        """Try a join out: whether it can be run, the query that was, and up to ten rows."""
        catalog = await views.catalogs.fetch(access.project_id)
        given = body.model_dump()
        one, other = quoted(body.source_table_name), quoted(body.joining_table_name)
        left, right = quoted(body.source_table_key, whole=True), quoted(body.joining_table_key, whole=True)
        text = f"SELECT s.{left}, j.{right} FROM {one} AS s LEFT JOIN {other} AS j ON s.{left} = j.{right} LIMIT 10"
        answer: dict[str, Any] = {"attr": None, "code": None, "detail": None, "hogql": text, "is_valid": True}
        try:
            check(catalog, given)
            compiled = compile_query(text, catalog, CompileOptions(look_ahead=False))
            query = Query(compiled.sql, compiled.parameters, Limits(_SECONDS), uuid4().hex)
            found = await views.engine.run(query)
        except HedgerowError as fault:
            told = {"attr": fault.attr, "code": fault.code, "detail": fault.detail, "msg": fault.detail}
            return {**answer, **told, "is_valid": False, "results": []}
        return {**answer, "msg": "Validation successful", "results": orjson.loads(found.json_rows())}


def check(catalog: Catalog, values: dict[str, Any], own: str | None = None) -> None:
    """Both tables and their keys are there, and the field's name hides no column; raises `InvalidInput`."""
    for table_field, key_field in (_KEYS[:2], _KEYS[2:]):
        table = catalog.tables.get(values[table_field])
        if table is None:
            raise InvalidInput(f"Unknown table `{values[table_field]}`.", attr=table_field)
        if values[key_field] not in {column.name for column in table.columns}:
            raise InvalidInput(f"Field not found: {values[key_field]}", attr=key_field)
    field = values.get("field_name")
    columns = {column.name for column in catalog.tables[values["source_table_name"]].columns}
    if field is not None and field != own and field in columns:
        raise InvalidInput("The table has a column of this name.", attr="field_name")


def _viewsets(routes: APIRouter, store: Store, views: Views, gate: Gate) -> None:
    may_read, may_write = gate.project("warehouse_view:read"), gate.project("warehouse_view:write")

    @routes.get("/managed_viewsets/{kind}")
    def get_viewset(access: Annotated[Access, Depends(may_read)], kind: str) -> dict[str, Any]:
        """The views of a managed set."""
        _check_kind(kind)
        with store.read() as session:
            found = shelf.managed(session, access.project_id, kind)
        listed = [
            {"id": str(v.id), "name": v.name, "created_at": iso(v.created_at), "created_by_id": v.created_by}
            for v in found
        ]
        return {"views": listed, "count": len(listed)}

    @routes.put("/managed_viewsets/{kind}")
    def put_viewset(access: Annotated[Access, Depends(may_write)], kind: str, body: Enabling) -> dict[str, Any]:
        """Show or hide a managed set of views."""
        _check_kind(kind)
        with store.write() as session:
            views.managed.switch(session, access.project_id, kind, body.enabled)
        views.catalogs.forget(access.project_id)
        return {"enabled": body.enabled, "kind": kind}


def _check_kind(kind: str) -> None:
    if kind not in _KINDS:
        raise InvalidInput(f'"{kind[:100]}" is not a kind of managed viewset: {", ".join(_KINDS)}', attr="kind")
