"""What the file beside a query says: whether and when it is made into a table, and what must hold of its rows."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Text = Annotated[str, StringConstraints(min_length=1)]
Frequency = Literal["never", "5min", "15min", "30min", "1hour", "6hour", "12hour", "24hour", "7day", "30day"]
DAILY = "24hour"


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class IncrementalFields(_Fields):
    """Make only rows from `lookback_seconds` before the last key on anew; `unique_key` lets older ones give way."""

    incremental_key: Text
    unique_key: list[Text] = []
    lookback_seconds: Annotated[int, Field(ge=0)] = 0

    @field_validator("unique_key", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class CheckFields(BaseModel):
    """A data check; what its kind wants to know stands beside these fields."""

    model_config = ConfigDict(extra="allow", strict=True)
    name: Text | None = None
    kind: Literal["not_null", "unique", "accepted_values", "relationships", "row_count", "freshness", "custom_sql"]
    severity: Literal["error", "warn"] = "error"
    enabled: bool = True

    @property
    def config(self) -> dict[str, Any]:
        """By kind: columns, values, bounds, a query."""
        return dict(self.model_extra or {})


class ModelFields(_Fields):
    """A model. What is not said is as by default, so that the files say all there is."""

    description: Annotated[str, StringConstraints(max_length=4_000)] = ""
    materialized: bool = False
    sync_frequency: Frequency | None = None
    incremental: IncrementalFields | None = None
    checks: list[CheckFields] = []

    @model_validator(mode="after")
    def _consistent(self) -> "ModelFields":
        if self.sync_frequency and not self.materialized:
            raise ValueError("sync_frequency: only what is materialized is refreshed (materialized: true)")
        names = [check.name for check in self.checks if check.name]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"checks: two are called {name}")
        return self
