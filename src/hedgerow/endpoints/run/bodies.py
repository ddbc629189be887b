"""What a run may be asked."""

from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, model_validator

from hedgerow.endpoints.bodies import KEY_FIELD, VersionReference
from hedgerow.kit.errors import InvalidInput, MalformedBody
from hedgerow.web.fields import from_validation

Mode = Literal["cache", "force", "direct"]
FormatName = Literal["json", "csv", "ndjson", "arrow", "parquet"]
QueryId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
_REFRESH: dict[str, Mode] = {
    "cache": "cache",
    "force": "force",
    "direct": "direct",
    "blocking": "cache",
    "force_blocking": "force",
}


class RunBody(BaseModel):
    """What a run may be asked."""

    model_config = ConfigDict(extra="forbid")
    variables: dict[str, JsonValue] | None = Field(None, description="Values by code name.")
    refresh: JsonValue = Field(None, description="`cache` (default), `force` or `direct`.")
    version: VersionReference | None = Field(
        None, description="Its number or an alias; the default alias's, else the highest, unless given."
    )
    limit: int | None = Field(None, description="Rows a page.")
    offset: int | None = Field(None, description="Rows to skip; needs `limit`.")
    filters_override: dict[str, JsonValue] | None = Field(None, description="Not for SQL endpoints.")
    query_override: JsonValue = Field(None, description="Refused.")
    client_query_id: QueryId | None = Field(None, description="The query's id, for its status and to cancel it.")
    debug: bool | None = Field(None, description="Keep `hogql`, `timings` and such in the answer.")

    @model_validator(mode="before")
    @classmethod
    def _without_key(cls, data: Any) -> Any:
        if isinstance(data, dict) and KEY_FIELD in data:
            return {name: value for name, value in data.items() if name != KEY_FIELD}
        return data

    def mode(self) -> Mode:
        """How to refresh, old names included; raises `InvalidInput` that names the allowed ones."""
        if self.refresh is None:
            return "cache"
        found = _REFRESH.get(self.refresh) if isinstance(self.refresh, str) else None
        if found is None:
            raise InvalidInput("refresh must be one of: cache, force, direct.", attr="refresh")
        return found


def parsed(raw: bytes) -> RunBody:
    """The body as its model; raises `InvalidInput` for the first thing that is wrong with it."""
    if not raw.strip():
        return RunBody.model_validate({})
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"JSON parse error - {error}") from None
    try:
        body = RunBody.model_validate(content)
    except ValidationError as error:
        raise from_validation(error, content) from error
    body.mode()
    return body
