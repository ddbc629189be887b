"""The routes of warehouse tables."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from hedgerow.kit.errors import NotFound
from hedgerow.warehouse.formats import MEDIA_TYPES, Format, Options
from hedgerow.warehouse.opening import Warehouse
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.shapes import Shapes
from hedgerow.warehouse.tables import Draft
from hedgerow.warehouse.uploads import Wish, upload_of
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate, UserCards
from hedgerow.web.changing import changing

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


class TableChange(BaseModel):
    """What may be said of a table; the rest is passed over."""

    model_config = ConfigDict(extra="ignore")
    name: Name = ""
    format: Format = "CSVWithNames"
    url_pattern: Address = ""
    credential: dict[str, Any] | None = Field(None, description='`{"access_key": …, "access_secret": …}`')
    options: Options | None = None
    deleted: bool = False

    def draft(self) -> Draft:
        """What was said, and nothing else."""
        said = {name: getattr(self, name) for name in self.model_fields_set & {"name", "format", "url_pattern"}}
        options = self.options.said() if self.options else None
        return Draft(**said, credential=self.credential, options=options, given=frozenset(self.model_fields_set))


class NewTable(TableChange):
    """A table to link."""

    name: Name
    format: Format
    url_pattern: Address


class SchemaUpdates(BaseModel):
    """Types by column: integer, float, decimal, string, datetime, date, boolean, array or json."""

    model_config = ConfigDict(extra="ignore")
    updates: dict[str, Any] | None = None


class LeftFile(BaseModel):
    """A file that was left with `upload_file`, to be made into a table."""

    model_config = ConfigDict(extra="ignore")
    upload_id: UUID
    name: str = Field("", validation_alias=AliasChoices("name", "table_name"))
    format: str = Field("", description="As the file's name says, unless given.")
    options: Options | None = None


def router(warehouse: Warehouse, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    for register in (_listing, _two_steps, _single, _columns, _files):
        register(routes, warehouse, cards, gate)
    return routes


def _guards(gate: Gate) -> tuple[Any, Any]:
    return gate.project("warehouse_table:read"), gate.project("warehouse_table:write")


def _shapes(warehouse: Warehouse, cards: UserCards, request: Request) -> Shapes:
    return Shapes(cards, pages.site(request), warehouse.owners)


async def _shown(warehouse: Warehouse, cards: UserCards, request: Request, record: TableRecord) -> dict[str, Any]:
    return await asyncio.to_thread(_shapes(warehouse, cards, request).table, record)


def _listing(routes: APIRouter, warehouse: Warehouse, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get("/warehouse_tables")
    def list_tables(
        request: Request, access: Annotated[Access, Depends(may_read)], search: str = "", include_columns: bool = True
    ) -> dict[str, Any]:
        """Tables, newest first; `search` looks for words in names."""
        page = pages.by_offset(request)
        count, records = warehouse.tables.page(access.project_id, search, page.limit, page.offset)
        return page.envelope(count, _shapes(warehouse, cards, request).tables(records, include_columns))

    @routes.post("/warehouse_tables", status_code=201)
    async def create_table(
        request: Request, access: Annotated[Access, Depends(may_write)], body: NewTable
    ) -> dict[str, Any]:
        """Link files in a bucket as a table; they are read in place."""
        record = await warehouse.tables.create(access.project_id, access.principal.user_id, body.draft())
        return await _shown(warehouse, cards, request, record)


def _single(routes: APIRouter, warehouse: Warehouse, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.get("/warehouse_tables/{table_id}")
    def get_table(request: Request, access: Annotated[Access, Depends(may_read)], table_id: UUID) -> dict[str, Any]:
        """One table."""
        record = warehouse.tables.get(access.project_id, table_id)
        return _shapes(warehouse, cards, request).table(record)

    @changing(routes, "/warehouse_tables/{table_id}", NewTable, "As PATCH, with name, format and url_pattern required.")
    async def change_table(
        request: Request, access: Annotated[Access, Depends(may_write)], table_id: UUID, body: TableChange
    ) -> dict[str, Any]:
        """Set what is said; the rest stays."""
        user_id = access.principal.user_id
        if body.deleted:
            record = await warehouse.tables.delete(access.project_id, table_id, user_id)
            return {**await _shown(warehouse, cards, request, record), "deleted": True}
        record = await warehouse.tables.change(access.project_id, user_id, table_id, body.draft())
        return await _shown(warehouse, cards, request, record)

    @routes.delete("/warehouse_tables/{table_id}", status_code=204)
    async def delete_table(access: Annotated[Access, Depends(may_write)], table_id: UUID) -> None:
        """Delete a table; the files of a linked one stay where they are."""
        await warehouse.tables.delete(access.project_id, table_id, access.principal.user_id)


def _columns(routes: APIRouter, warehouse: Warehouse, cards: UserCards, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @routes.post("/warehouse_tables/{table_id}/refresh_schema")
    async def refresh_schema(
        request: Request, access: Annotated[Access, Depends(may_write)], table_id: UUID
    ) -> dict[str, Any]:
        """Find out anew what columns the table's files hold."""
        record = await warehouse.tables.refresh(access.project_id, table_id, access.principal.user_id)
        return await _shown(warehouse, cards, request, record)

    @routes.post("/warehouse_tables/{table_id}/update_schema")
    async def update_schema(
        request: Request,
        access: Annotated[Access, Depends(may_write)],
        table_id: UUID,
        body: SchemaUpdates | None = None,
    ) -> dict[str, Any]:
        """Give columns other types: integer, float, decimal, string, datetime, date, boolean, array or json."""
        updates = (body.updates if body else None) or {}
        record = await warehouse.tables.update_schema(access.project_id, table_id, updates, access.principal.user_id)
        return await _shown(warehouse, cards, request, record)


def _files(routes: APIRouter, warehouse: Warehouse, cards: UserCards, gate: Gate) -> None:
    may_read, may_write = _guards(gate)

    @routes.post("/warehouse_tables/file", status_code=201, openapi_extra={"requestBody": _UPLOAD_FORM})
    async def upload_file(request: Request, access: Annotated[Access, Depends(may_write)]) -> dict[str, Any]:
        """Upload a file as a table; a table of that name gets the file's rows in place of its own."""
        content_type = request.headers.get("content-type", "")
        uploads = warehouse.uploads
        received = await uploads.receive(content_type, request.stream(), warehouse.upload_max_bytes)
        try:
            upload = upload_of(access.project_id, access.principal.user_id, received)
            record = await uploads.load(upload)
        finally:
            await asyncio.to_thread(received.discard)
        return await _shown(warehouse, cards, request, record)

    @routes.get("/warehouse_tables/{table_id}/file/{file_name}", response_class=StreamingResponse)
    async def download_file(
        access: Annotated[Access, Depends(may_read)], table_id: UUID, file_name: str
    ) -> StreamingResponse:
        """The file as it was uploaded: the address in `url_pattern`."""
        record = await asyncio.to_thread(warehouse.tables.get, access.project_id, table_id)
        if record.file_name != file_name:
            raise NotFound()
        content = warehouse.uploads.download(record)
        first = await anext(content, b"")
        compressed = file_name.endswith(".gz")
        media_type = "application/gzip" if compressed else MEDIA_TYPES.get(record.format, "application/octet-stream")
        headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
        return StreamingResponse(_joined(first, content), media_type=media_type, headers=headers)


def _two_steps(routes: APIRouter, warehouse: Warehouse, cards: UserCards, gate: Gate) -> None:
    _, may_write = _guards(gate)

    @routes.post("/warehouse_tables/upload_file", status_code=201, openapi_extra={"requestBody": _UPLOAD_FORM})
    async def leave_file(request: Request, access: Annotated[Access, Depends(may_write)]) -> dict[str, Any]:
        """Leave a file for a day; `create_from_upload` makes it a table."""
        content_type = request.headers.get("content-type", "")
        received = await warehouse.staging.receive(content_type, request.stream(), warehouse.upload_max_bytes)
        try:
            left = await warehouse.staging.leave(access.project_id, received)
        finally:
            await asyncio.to_thread(received.discard)
        return {
            "upload_id": str(left.upload_id),
            "filename": left.file_name,
            "file_format": left.file_format,
            "size_bytes": left.size,
        }

    @routes.post("/warehouse_tables/create_from_upload", status_code=201)
    async def create_from_upload(
        request: Request, access: Annotated[Access, Depends(may_write)], body: LeftFile
    ) -> dict[str, Any]:
        """Make a file that was left into a table; a table of that name gets the file's rows in place of its own."""
        said = body.options.said() if body.options else None
        wish = Wish(body.upload_id, body.name.strip(), body.format.strip(), said)
        record = await warehouse.staging.create(access.project_id, access.principal.user_id, wish)
        return await _shown(warehouse, cards, request, record)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


_UPLOAD_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "name": {"type": "string", "description": "The table's name; the file's unless given."},
                    "format": {"type": "string", "enum": [*MEDIA_TYPES], "default": "CSVWithNames"},
                    "options": {"type": "string", "description": f"JSON: {', '.join(Options.model_fields)}."},
                },
            }
        }
    },
}
