"""The manifest of a custom source: its form, and what is wrong with one, by path."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hedgerow.connectors.base import Refused
from hedgerow.connectors.rest.kinds import Kind
from hedgerow.connectors.rest.paths import steps_of

FIELD = "manifest_json"

_SECRETS = {
    "token": "auth_token",
    "access_token": "auth_token",
    "api_key": "auth_api_key",
    "key": "auth_api_key",
    "password": "auth_password",
    "client_secret": "auth_client_secret",
}
_SECRET_NAME = re.compile(
    r"(^|[-_])(authorization|cookie|api[-_]?key|access[-_]?token|secret|password|auth[-_]?token)$"
)
_MOST_SHOWN = 5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _path(value: str) -> str:
    steps_of(value)
    return value


Path = Annotated[str, Field(min_length=1)]


class _AuthPart(_Part):
    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, given: Any) -> Any:
        for name in given if isinstance(given, dict) else ():
            if name in _SECRETS:
                raise ValueError(f"a secret has no place in the manifest: give {name} as {_SECRETS[name]}, beside it")
        return given


class BearerAuth(_AuthPart):
    """`Authorization: Bearer <auth_token>`."""

    type: Literal["bearer"]


class ApiKeyAuth(_AuthPart):
    """`auth_api_key` in a header or in the query."""

    type: Literal["api_key"]
    name: str = Field("Authorization", min_length=1)
    location: Literal["header", "query"] = "header"


class BasicAuth(_AuthPart):
    """`username`, and `auth_password` as the password."""

    type: Literal["http_basic"]
    username: str


class ClientCredentialsAuth(_AuthPart):
    """OAuth 2 with `client_id` and `auth_client_secret`."""

    type: Literal["oauth2_client_credentials"]
    access_token_url: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    scope: str = ""


Auth = Annotated[BearerAuth | ApiKeyAuth | BasicAuth | ClientCredentialsAuth, Field(discriminator="type")]


class _Paginator(_Part):
    @model_validator(mode="after")
    def _has_good_paths(self) -> Any:
        for name, value in self:
            if name.endswith("_path") and isinstance(value, str):
                try:
                    steps_of(value)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        return self


class AutoPaginator(_Paginator):
    """Looks for a link to the next page; says so where there is more and no link."""

    type: Literal["auto"]


class SinglePage(_Paginator):
    """All rows come at once."""

    type: Literal["single_page"]


class JsonLink(_Paginator):
    """The answer holds the next page's address."""

    type: Literal["json_link"]
    next_url_path: Path = "next"
    has_more_path: Path | None = None


class HeaderLink(_Paginator):
    """The header `Link` does."""

    type: Literal["header_link"]
    links_next_key: str = "next"


class CursorPaginator(_Paginator):
    """The answer holds a cursor that the next request gives back."""

    type: Literal["cursor"]
    cursor_path: Path = "cursors.next"
    cursor_param: Path | None = None
    cursor_body_path: Path | None = None
    has_more_path: Path | None = None


class HeaderCursor(_Paginator):
    """A header does."""

    type: Literal["header_cursor"]
    cursor_key: str = "next"
    cursor_param: Path = "cursor"


class LastId(_Paginator):
    """The next request names the last row of this page."""

    type: Literal["last_id"]
    id_path: Path = "id"
    param: Path = "starting_after"
    has_more_path: Path = "has_more"


class OffsetPaginator(_Paginator):
    """The next request skips the rows that came."""

    type: Literal["offset"]
    limit: int = Field(ge=1)
    offset: int = Field(0, ge=0)
    offset_param: Path = "offset"
    limit_param: Path = "limit"
    offset_body_path: Path | None = None
    limit_body_path: Path | None = None
    total_path: str | None = None
    has_more_path: Path | None = None
    maximum_offset: int | None = None
    stop_after_empty_page: Literal[True] = True


class PageNumberPaginator(_Paginator):
    """The next request counts one more."""

    type: Literal["page_number"]
    base_page: int = 1
    page_param: Path = "page"
    page_body_path: Path | None = None
    total_path: str | None = None
    has_more_path: Path | None = None
    maximum_page: int | None = None
    stop_after_empty_page: Literal[True] = True


Paginator = Annotated[
    AutoPaginator
    | SinglePage
    | JsonLink
    | HeaderLink
    | CursorPaginator
    | HeaderCursor
    | LastId
    | OffsetPaginator
    | PageNumberPaginator,
    Field(discriminator="type"),
]


def _named(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def _no_secret(values: dict[str, Any]) -> dict[str, Any]:
    for name in values:
        if _SECRET_NAME.search(name.lower()):
            raise ValueError(f"{name} looks like a secret, which has no place in the manifest: use client.auth")
    return values


class Client(_Part):
    """What all resources share."""

    base_url: str = Field(min_length=1)
    auth: Auth | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    params: dict[str, Any] = Field(default_factory=dict)
    paginator: Paginator | None = None

    _name = field_validator("paginator", "auth", mode="before")(_named)
    _safe = field_validator("headers", "params")(_no_secret)

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s]+", value):
            raise ValueError("must be an address such as https://api.example.com/v1")
        return value


class Incremental(_Part):
    """How only new rows are asked for."""

    cursor_path: Path
    start_param: Path | None = None
    start_body_path: Path | None = None
    initial_value: Any = None
    format: str | None = None
    order: Literal["asc", "desc"] | None = None

    @field_validator("format")
    @classmethod
    def _is_a_format(cls, value: str | None) -> str | None:
        if value not in {None, "iso", "epoch", "epoch_ms"} and "%" not in str(value):
            raise ValueError("must be iso, epoch, epoch_ms or a pattern such as %Y-%m-%d")
        return value


class Endpoint(_Part):
    """Where the rows of a resource are."""

    path: str = ""
    method: Literal["GET", "POST"] = "GET"
    params: dict[str, Any] = Field(default_factory=dict)
    body: dict[str, Any] | list[Any] | None = Field(None, alias="json")
    data_selector: str | None = None
    columns_selector: str | None = None
    paginator: Paginator | None = None
    incremental: Incremental | None = None

    _name = field_validator("paginator", mode="before")(_named)
    _safe = field_validator("params")(_no_secret)

    @field_validator("data_selector", "columns_selector")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        return value if value is None else _path(value)

    @field_validator("path")
    @classmethod
    def _is_below_the_base(cls, value: str) -> str:
        if "://" in value or value.startswith("//"):
            raise ValueError("must be a path below client.base_url")
        return value


class Resource(_Part):
    """One table."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")
    endpoint: Endpoint
    primary_key: tuple[str, ...] = ()
    columns: dict[str, Kind] = Field(default_factory=dict)
    flatten: tuple[str, ...] = ()
    include_from_parent: tuple[str, ...] = ()
    description: str | None = None

    @field_validator("endpoint", mode="before")
    @classmethod
    def _may_be_a_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("primary_key", mode="before")
    @classmethod
    def _may_be_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value or ()


class Manifest(_Part):
    """The whole of it."""

    client: Client
    resources: tuple[Resource, ...] = Field(min_length=1, max_length=200)

    @field_validator("resources")
    @classmethod
    def _are_called_differently(cls, value: tuple[Resource, ...]) -> tuple[Resource, ...]:
        names = [resource.name.lower() for resource in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one resource is called {twice[0]}")
        return value


def manifest_of(given: Any) -> Manifest:
    """The manifest, from text or from what JSON gave; raises `Refused` with the path of each fault."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            raise fault(f"this is not JSON{where}") from error
    try:
        return Manifest.model_validate(given)
    except ValidationError as error:
        found = [f"{_where(each['loc'])}: {_what(each)}" for each in error.errors()[:_MOST_SHOWN]]
        raise fault("; ".join(found)) from None


def fault(text: str) -> Refused:
    """A refusal of the manifest."""
    return Refused(f"Invalid manifest: {text}", field=FIELD)


_UNIONS = {"auth", "paginator"}


def _where(location: tuple[str | int, ...]) -> str:
    path = ""
    before: str | int = ""
    for step in location:
        if before not in _UNIONS:  # after one comes the name of the kind, which the manifest does not have
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
            before = step
        else:
            before = ""
    return path.lstrip(".") or "manifest"


def _what(each: Any) -> str:
    return {"missing": "is required", "extra_forbidden": "is not known here"}.get(
        each["type"], str(each["msg"]).removeprefix("Value error, ")
    )
