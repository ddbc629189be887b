"""What may be said of data checks: one shape of `config` per kind."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from hedgerow.kit.errors import InvalidInput

Column = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Severity = Literal["error", "warn"]
Kind = Literal["not_null", "unique", "accepted_values", "relationships", "row_count", "freshness", "custom_sql"]
_MOST_VALUES = 10_000


class _Config(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NotNull(_Config):
    """No row without a value in the column."""

    column: Column


class Unique(_Config):
    """No two rows with the same values in these columns; rows with a NULL among them are passed over."""

    column: Column | None = None
    columns: list[Column] | None = Field(None, min_length=1, max_length=20)

    @model_validator(mode="after")
    def one_of_both(self) -> "Unique":
        if (self.column is None) == (self.columns is None):
            raise ValueError("Say `column`, or `columns` when they are unique together.")
        return self


class AcceptedValues(_Config):
    """Every value of the column is one of these; NULL is passed over."""

    column: Column
    values: list[str | int | float | bool] = Field(min_length=1, max_length=_MOST_VALUES)


class Relationships(_Config):
    """Every value of the column is in column `field` of the table or view `to`; NULL is passed over."""

    column: Column
    to: Column
    field: Column


class RowCount(_Config):
    """There are that many rows."""

    min: int | None = Field(None, ge=0)
    max: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def a_range(self) -> "RowCount":
        if self.min is None and self.max is None:
            raise ValueError("Say `min`, `max` or both.")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("`min` is above `max`.")
        return self


class Freshness(_Config):
    """The newest value of the column is at most so many seconds old."""

    column: Column
    max_age_seconds: int = Field(ge=1, le=10 * 366 * 86_400)


class CustomSql(_Config):
    """A query over the table's own name, or any other, answers no row: what it answers are the rows at fault."""

    query: str = Field(min_length=1)


CONFIGS: Mapping[str, type[_Config]] = {
    "not_null": NotNull,
    "unique": Unique,
    "accepted_values": AcceptedValues,
    "relationships": Relationships,
    "row_count": RowCount,
    "freshness": Freshness,
    "custom_sql": CustomSql,
}


class CheckChange(BaseModel):
    """What may be said of a check; the rest is passed over."""

    model_config = ConfigDict(extra="ignore")
    name: Name | None = Field(None, description="As told in a failed run; made of kind and column unless given.")
    severity: Severity = "error"
    config: dict[str, Any] = Field(default_factory=dict, description="By kind: columns, values, bounds, a query.")
    enabled: bool = True


class NewCheck(CheckChange):
    """A check to make."""

    kind: Kind


def checked_config(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a kind as it is kept; raises `InvalidInput` with the field's name."""
    try:
        found = CONFIGS[kind].model_validate(dict(given))
    except ValidationError as fault:
        first = fault.errors()[0]
        named = (part for part in first["loc"] if isinstance(part, str) and part.isidentifier())
        place = "__".join(["config", *named])
        raise InvalidInput(str(first["msg"]).removeprefix("Value error, "), attr=place) from None
    return found.model_dump(exclude_none=True)
