"""What a file says of an endpoint: the fields, by the API's own names, and their tests."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator, model_validator

Text = Annotated[str, StringConstraints(min_length=1)]
Row = list[JsonValue] | dict[str, JsonValue]
DEFAULTS: dict[str, Any] = {
    "description": "",
    "data_freshness_seconds": 86_400,
    "stale_while_revalidate_seconds": 0,
    "append_only_column": None,
    "is_materialized": False,
    "bucket_overrides": {},
    "optional_breakdown_properties": [],
    "rate_limit": None,
    "tags": [],
    "is_active": True,
    "derived_from_insight": None,
}
"""Settings, and what they are where nothing is said. Together with the query they are one change of an endpoint."""
_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,127}\Z")


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class VariableFields(_Fields):
    """A variable by its code name. Without `type` it has to be there already, and is left as it is.

    `value` is the endpoint's own, where that is not the variable's default.
    """

    name: Text | None = None
    type: Literal["String", "Number", "Boolean", "List", "Date"] | None = None
    default: JsonValue = None
    values: list[JsonValue] | None = None
    value: JsonValue = None

    @model_validator(mode="after")
    def _typed(self) -> "VariableFields":
        said = self.model_fields_set & {"name", "default", "values"}
        if self.type is None and said:
            raise ValueError(f"{min(said)} needs a type: String, Number, Boolean, List or Date")
        return self


class Expectation(_Fields):
    """What an answer has to be like; everything that is said has to hold."""

    columns: list[str] | None = None
    rows: list[Row] | None = None
    row_count: Annotated[int, Field(ge=0)] | None = None
    min_rows: Annotated[int, Field(ge=0)] | None = None
    contains: list[Row] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Expectation":
        if not self.model_fields_set:
            raise ValueError("say what to expect: columns, rows, row_count, min_rows or contains")
        return self


class TestFields(_Fields):
    """A run and what it has to answer."""

    __test__ = False
    name: Text
    variables: dict[str, JsonValue] = {}
    version: JsonValue = None
    limit: Annotated[int, Field(ge=1)] | None = None
    expect: Expectation

    @field_validator("version")
    @classmethod
    def _reference(cls, value: JsonValue) -> JsonValue:
        return _version(value)


class EndpointFields(_Fields):
    """An endpoint. What is not said is what it is by default, so that a file says all there is."""

    name: str
    description: str = ""
    query: JsonValue
    variables: dict[str, VariableFields] = {}
    data_freshness_seconds: int = 86_400
    stale_while_revalidate_seconds: int = 0
    append_only_column: str | None = None
    is_materialized: bool = False
    bucket_overrides: dict[str, str] = {}
    optional_breakdown_properties: list[str] = []
    rate_limit: str | None = None
    tags: list[str] = []
    is_active: bool = True
    aliases: dict[str, JsonValue] = {}
    default_alias: str | None = None
    derived_from_insight: str | None = None
    tests: list[TestFields] = []

    @field_validator("name")
    @classmethod
    def _named(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError("a letter and up to 127 letters, digits, hyphens and underscores")
        return value

    @field_validator("query")
    @classmethod
    def _asked(cls, value: JsonValue) -> JsonValue:
        if isinstance(value, str) and value.strip():
            return value
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ValueError("write SQL, or a mapping with a kind")
        if "variables" in value:
            raise ValueError("variables stand beside the query, not in it")
        return value

    @field_validator("variables", mode="before")
    @classmethod
    def _blank(cls, value: Any) -> Any:
        """`origin:` alone is a variable that is there already."""
        return {k: {} if v is None else v for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("aliases")
    @classmethod
    def _pinned(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for alias, version in value.items():
            if alias == "latest" or not _ALIAS.match(alias):
                text = f"{alias}: a lower-case letter and up to 63 lower-case letters, digits, hyphens and underscores"
                raise ValueError(f"{text}; latest is always the current version")
            if version != "latest" and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
                raise ValueError(f"{alias}: a version's number, or latest for the one that this file makes")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "EndpointFields":
        if self.bucket_overrides and not self.is_materialized:
            raise ValueError("bucket_overrides: only what is materialized has buckets (is_materialized: true)")
        if self.default_alias not in {None, "", "latest"} and self.default_alias not in self.aliases:
            raise ValueError(f"default_alias: {self.default_alias} is not among the aliases")
        return self


def _version(value: JsonValue) -> JsonValue:
    if value is None or isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError("a version's number, or an alias")
