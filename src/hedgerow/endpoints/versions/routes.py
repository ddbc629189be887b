"""The routes of aliases, and of what differs between two versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.versions.aliases import Aliases
from hedgerow.endpoints.versions.comparing import DiffBody, Diffs
from hedgerow.web.access import Access, Gate
from hedgerow.web.hangup import until_hangup

_FROM = Query(alias="from", description="A version's number, or an alias.")
_TO = Query(description="As `from`; `latest` unless given.")


class AliasBody(BaseModel):
    """What an alias is to mean."""

    model_config = ConfigDict(extra="ignore")
    version: VersionReference = Field(description="A version's number; or an alias, for the version it means now.")


def add_aliases(routes: APIRouter, aliases: Aliases, gate: Gate) -> None:
    """Names for versions."""
    may_read, may_write = gate.project("endpoint:read"), gate.project("endpoint:write")

    @routes.get("/endpoints/{name}/aliases")
    async def list_aliases(access: Annotated[Access, Depends(may_read)], name: str) -> dict[str, Any]:
        """The aliases of an endpoint and the versions they mean; `latest` is always there."""
        return {"results": await aliases.all(access.project_id, name)}

    @routes.put("/endpoints/{name}/aliases/{alias}")
    async def set_alias(
        access: Annotated[Access, Depends(may_write)], name: str, alias: str, body: AliasBody
    ) -> dict[str, Any]:
        """Make an alias, or move it to another version: runs that ask for it take that one from now on."""
        return await aliases.point(access, name, alias, body.version)

    @routes.delete("/endpoints/{name}/aliases/{alias}", status_code=204)
    async def delete_alias(access: Annotated[Access, Depends(may_write)], name: str, alias: str) -> None:
        """Forget an alias; runs that ask for it are refused from now on."""
        await aliases.forget(access, name, alias)


def add_diffs(routes: APIRouter, diffs: Diffs, gate: Gate) -> None:
    """What differs between two versions."""
    may_read = gate.project("endpoint:read")
    may_run = gate.project("endpoint:read", bucket=None)

    @routes.get("/endpoints/{name}/diff")
    async def diff_versions(
        access: Annotated[Access, Depends(may_read)],
        name: str,
        from_: Annotated[VersionReference, _FROM],
        to: Annotated[VersionReference | None, _TO] = None,
    ) -> dict[str, Any]:
        """What changes from one version to another: settings, the query's text, columns and variables."""
        return await diffs.of(access, name, (from_, to))

    @routes.post("/endpoints/{name}/diff")
    async def diff_rows(
        request: Request,
        access: Annotated[Access, Depends(may_run)],
        name: str,
        body: DiffBody | None = None,
        from_: Annotated[VersionReference | None, _FROM] = None,
        to: Annotated[VersionReference | None, _TO] = None,
    ) -> dict[str, Any]:
        """The same; with `variables`, both versions are run with these values and their rows compared."""
        said = body or DiffBody.model_validate({})
        pair = from_ if said.from_ is None else said.from_, to if said.to is None else said.to
        return await until_hangup(request, diffs.with_rows(access, name, pair, said))
