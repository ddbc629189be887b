"""The route of an endpoint's own OpenAPI document."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.contract.dialects import DIALECTS
from hedgerow.endpoints.contract.document import document
from hedgerow.endpoints.contract.requests import Taken
from hedgerow.endpoints.errors import no_version
from hedgerow.endpoints.reading import Reading
from hedgerow.endpoints.run.memory import Definitions
from hedgerow.kit.errors import InvalidInput
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate

_VERSION = Query(description="The version to describe, alone: its number, or an alias.")
_DIALECT = Query(description="`3.0`, or `3.1`, in which rows are typed by their place.")


def add_contract(routes: APIRouter, reading: Reading, definitions: Definitions, gate: Gate) -> None:
    """The document is as private as the endpoint."""
    may_read = gate.project("endpoint:read")

    @routes.get("/endpoints/{name}/openapi.json")
    async def get_endpoint_openapi(
        request: Request,
        access: Annotated[Access, Depends(may_read)],
        name: str,
        version: Annotated[VersionReference | None, _VERSION] = None,
        openapi: Annotated[str, _DIALECT] = "3.0",
    ) -> dict[str, Any]:
        """The OpenAPI document of an endpoint: what a run takes and answers, for generators of clients."""
        dialect = DIALECTS.get(openapi)
        if dialect is None:
            raise InvalidInput(f"openapi must be one of: {', '.join(DIALECTS)}.", attr="openapi", code="invalid_choice")
        found = await reading.find(access.project_id, name, version)
        definition = await definitions.find(access.project_id, name, found.version.number)
        if definition is None:
            raise no_version(found.version.number)
        return document(found, Taken(definition, dialect, pinned=version is not None), pages.site(request))
