"""Request bodies of endpoints, in both generations of names, and what callers wish by them."""

import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from hedgerow.endpoints.records import DEFAULT_FRESHNESS, FRESHNESS, LATEST
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.rates import Rate

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,127}\Z")
BUCKETS = ("minute", "fifteen_minutes", "hour", "day", "week", "month")
KEY_FIELD = "personal_api_key"
ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_LONGEST_RATE = 32
_FREQUENCIES = {
    "never": None,
    "5min": 300,
    "15min": 900,
    "30min": 1_800,
    "1hour": 3_600,
    "6hour": 21_600,
    "12hour": 43_200,
    "24hour": 86_400,
    "7day": 604_800,
    "30day": 2_592_000,
}


_NUMBER: TypeAdapter[int] = TypeAdapter(int)


def _reference(value: Any, _: Any) -> int | str:
    """An alias begins with a letter, so that it is never taken for a number."""
    return value if isinstance(value, str) and ALIAS.match(value) else _NUMBER.validate_python(value)


_REFERENCE_SCHEMA = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": ALIAS.pattern[:-2] + "$"}]}
VersionReference = Annotated[int | str, WrapValidator(_reference), WithJsonSchema(_REFERENCE_SCHEMA)]
"""A version by its number, or by an alias such as `stable` or `latest`."""


class EndpointBody(BaseModel):
    """What may be said of an endpoint. What is absent or null stays as it is."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(None, description="A letter, then letters, digits, `_` and `-`: 128 at most.")
    query: JsonValue = Field(None, description='`{"kind": "HogQLQuery", "query": "select …"}`')
    description: str | None = None
    data_freshness_seconds: int | None = Field(None, description=f"One of {', '.join(map(str, FRESHNESS))}.")
    stale_while_revalidate_seconds: int | None = Field(
        None,
        ge=0,
        le=FRESHNESS[-1],
        description="How long after its freshness a cached answer is still given while a new one is made.",
    )
    append_only_column: str | None = Field(
        None,
        max_length=400,
        description="A declaration: rows are only ever added to its table, with higher values of this column.",
    )
    cache_age_seconds: float | None = Field(None, description="Old name: the next larger `data_freshness_seconds`.")
    sync_frequency: str | None = Field(None, description="Old name: `1hour`, `24hour`, …")
    is_active: bool | None = None
    is_materialized: bool | None = None
    bucket_overrides: dict[str, JsonValue] | None = None
    derived_from_insight: Annotated[str, StringConstraints(max_length=12)] | None = None
    tags: list[str] | None = None
    optional_breakdown_properties: list[str] | None = None
    rate_limit: str | None = Field(None, description="Its most runs over all callers, such as `60/minute`.")
    default_alias: str | None = Field(
        None, description="The alias that a run without a version takes; null is `latest`, the current version."
    )
    version: VersionReference | None = None
    deleted: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_key(cls, data: Any) -> Any:
        """A key may come in the body; and of what is to be deleted nothing else counts."""
        if not isinstance(data, dict):
            return data
        if cls is EndpointChange and data.get("deleted") is True:
            return {"deleted": True}
        return {name: value for name, value in data.items() if name != KEY_FIELD}

    def freshness(self) -> int | None:
        """The bucket asked for, by whichever name; `None` when nothing was said. Raises `InvalidInput`."""
        if "data_freshness_seconds" in self.model_fields_set:
            return _checked_freshness(self.data_freshness_seconds)
        if "cache_age_seconds" in self.model_fields_set:
            return _bucket(self.cache_age_seconds, "cache_age_seconds")
        if "sync_frequency" in self.model_fields_set:
            return _bucket(_frequency(self.sync_frequency), "sync_frequency")
        return None

    def of_endpoint(self) -> dict[str, Any]:
        """What is said of the endpoint as a whole, by column."""
        said: dict[str, Any] = {}
        if self.tags is not None:
            said["tags"] = sorted({tag.strip() for tag in self.tags} - {""})
        if "derived_from_insight" in self.model_fields_set:
            said["derived_from_insight"] = self.derived_from_insight
        if "rate_limit" in self.model_fields_set:
            said["rate_limit"] = _checked_rate(self.rate_limit)
        if "default_alias" in self.model_fields_set:
            said["default_alias"] = None if self.default_alias in ("", LATEST) else self.default_alias
        return said

    def of_version(self) -> dict[str, Any]:
        """What is said of a version, by column. Raises `InvalidInput`."""
        said: dict[str, Any] = {}
        if self.description is not None:
            said["description"] = self.description
        if (freshness := self.freshness()) is not None:
            said["data_freshness_seconds"] = freshness
        if self.stale_while_revalidate_seconds is not None:
            said["stale_while_revalidate_seconds"] = self.stale_while_revalidate_seconds
        if "append_only_column" in self.model_fields_set:
            said["append_only_column"] = self.append_only_column or None
        if self.optional_breakdown_properties:
            names = ", ".join(self.optional_breakdown_properties)
            text = f"The query has no such breakdown properties: {names}."
            raise InvalidInput(text, attr="optional_breakdown_properties")
        check_overrides(self.bucket_overrides)
        return said


class NewEndpoint(EndpointBody):
    """An endpoint to make; `version` and `deleted` are passed over."""

    def checked_name(self) -> str:
        """The name; raises `InvalidInput`."""
        if not self.name:
            raise InvalidInput("This field is required.", attr="name", code="required")
        if not NAME.match(self.name):
            text = (
                "Name must start with a letter and hold only letters, digits, hyphens and underscores, "
                "128 characters at most."
            )
            raise InvalidInput(text, attr="name")
        return self.name


class EndpointChange(EndpointBody):
    """A change; `name` is passed over: it is the endpoint's address."""


class PreviewBody(BaseModel):
    """What to preview."""

    model_config = ConfigDict(extra="ignore")
    version: VersionReference | None = None
    bucket_overrides: dict[str, JsonValue] | None = None


class NamesBody(BaseModel):
    """Endpoints by name."""

    model_config = ConfigDict(extra="ignore")
    names: list[str]

    def checked(self) -> list[str]:
        """The names; raises `InvalidInput`."""
        for name in self.names:
            if not NAME.match(name):
                raise InvalidInput("A name holds letters, digits, hyphens and underscores only.", attr="names")
        return self.names


def check_overrides(overrides: dict[str, Any] | None) -> None:
    """Raise `InvalidInput` for a bucket there is not."""
    bad = sorted({str(value)[:50] for value in (overrides or {}).values() if value not in BUCKETS})
    if bad:
        text = f"Invalid bucket override values: {', '.join(bad)}. Valid keys: {', '.join(BUCKETS)}."
        raise InvalidInput(text, attr="bucket_overrides")


def _checked_rate(text: str | None) -> str | None:
    if not text or not text.strip():
        return None
    try:
        Rate.parse(text)
    except ValueError as error:
        raise InvalidInput(str(error)[:200], attr="rate_limit") from None
    if len(text.strip()) > _LONGEST_RATE:
        raise InvalidInput(f"A rate is written in {_LONGEST_RATE} characters at most.", attr="rate_limit")
    return text.strip()


def _checked_freshness(seconds: int | None) -> int:
    if seconds is None:
        return DEFAULT_FRESHNESS
    if seconds not in FRESHNESS:
        text = f"Data freshness must be one of {', '.join(map(str, FRESHNESS))} seconds."
        raise InvalidInput(text, attr="data_freshness_seconds")
    return seconds


def _bucket(seconds: float | None, attr: str) -> int:
    """The smallest bucket that is not smaller."""
    if seconds is None:
        return DEFAULT_FRESHNESS
    if not seconds > 0:
        raise InvalidInput("Ensure this value is greater than 0.", attr=attr, code="min_value")
    return next((bucket for bucket in FRESHNESS if bucket >= seconds), FRESHNESS[-1])


def _frequency(name: str | None) -> int | None:
    if name is not None and name not in _FREQUENCIES:
        raise InvalidInput(f'"{name[:50]}" is not a valid choice.', attr="sync_frequency", code="invalid_choice")
    return None if name is None else _FREQUENCIES[name]
