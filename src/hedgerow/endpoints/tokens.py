"""The route that makes tokens for browsers: tied to endpoints, with values of variables fixed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hedgerow.accounts import minting, tokens
from hedgerow.accounts.signing import SigningKeys
from hedgerow.endpoints.run.memory import Definition, Definitions
from hedgerow.kit.clock import iso, of_unix
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.variables import Type
from hedgerow.web.access import Access, Gate


class GrantBody(BaseModel):
    """What is allowed on one endpoint. What is not known is refused: it could be meant as a limit."""

    model_config = ConfigDict(extra="forbid")
    variables: dict[str, JsonValue] = Field({}, description="Values that are fixed, by code name.")
    versions: Annotated[list[int], Field(min_length=1, max_length=100)] | None = Field(
        None, description="The only versions that may be run."
    )


class TokenBody(GrantBody):
    """A token to make."""

    endpoints: dict[str, GrantBody] = Field({}, description="Further endpoints that it is good for, by name.")
    expires_in: int = Field(3_600, ge=1, description="How long it lives, seconds.")
    rate: str | None = Field(None, description="Its most requests, such as `60/minute`.")
    subject: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Whom it is for: the tokens of one subject share their rate."
    )


@dataclass(frozen=True, slots=True)
class Grants:
    """Checks what a token is to allow, so that a wrong name shows when it is made, not when it is used."""

    definitions: Definitions

    async def checked(self, project_id: int, name: str, said: GrantBody) -> tokens.GrantClaim:
        """Against every version that may be run; without limits, against the one that answers by default.

        Raises `NotFound` and `InvalidInput`.
        """
        wanted: Sequence[int | None] = said.versions or [None]
        declared: list[Mapping[str, Type]] = []
        for number in wanted:
            found = await self._version(project_id, name, number)
            if found is None:
                raise InvalidInput(f"Version {str(number)[:20]} of {name} not found.", attr="versions")
            unknown = [each[:60] for each in said.variables if each not in found.values]
            if unknown:
                shown = found.endpoint.version.number
                text = f"Unknown variable(s): {', '.join(unknown[:10])}. Version {shown} of {name} does not have them."
                raise InvalidInput(text, attr="variables")
            declared.append(found.types)
        claim = minting.grant(said.variables, said.versions)
        for types in declared:
            for each, value in said.variables.items():
                types[each].fitted(each, value)
        return claim

    async def _version(self, project_id: int, name: str, number: int | None) -> Definition | None:
        if number is not None:
            return await self.definitions.find(project_id, name, number)
        return await self.definitions.answering(project_id, name)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes tokens. `most_seconds`: the longest one may live."""

    store: Store
    definitions: Definitions
    signing: SigningKeys
    most_seconds: int

    async def make(self, access: Access, name: str, body: TokenBody) -> dict[str, Any]:
        """A token in the API's shape; raises `NotFound` and `InvalidInput`."""
        wanted: Mapping[str, GrantBody] = {name: body, **{n: g for n, g in body.endpoints.items() if n != name}}
        grants = {
            each: await Grants(self.definitions).checked(access.project_id, each, said) for each, said in wanted.items()
        }
        wish = minting.wish(grants, (body.expires_in, self.most_seconds), body.rate, body.subject)
        text, end, key_id = await asyncio.to_thread(self._sign, access, wish)
        return {
            "token": text,
            "expires_at": iso(of_unix(end)),
            "signing_key": str(key_id),
            "endpoints": {each: grant.model_dump() for each, grant in grants.items()},
            "rate": body.rate,
            "subject": body.subject,
        }

    def _sign(self, access: Access, wish: tokens.Wish) -> tuple[str, int, UUID]:
        with self.store.write() as session:
            key = self.signing.own(session, access.project_id)
        return (*tokens.signed(key, wish, access.principal.key_id), key.key.id)


def add_tokens(routes: APIRouter, made: Tokens, gate: Gate) -> None:
    """The route; whoever may run an endpoint may let others run less of it."""
    may_read = gate.project("endpoint:read")

    @routes.post("/endpoints/{name}/tokens", status_code=201)
    async def create_token(
        access: Annotated[Access, Depends(may_read)], name: str, body: TokenBody | None = None
    ) -> dict[str, Any]:
        """Make a token that is safe in a browser. It ends when its time is over, or with the key that made it."""
        return await made.make(access, name, body or TokenBody.model_validate({}))
