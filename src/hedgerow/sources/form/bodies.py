"""What may be said of sources and schemas in requests."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Prefix = Annotated[str, StringConstraints(max_length=100)]
Description = Annotated[str, StringConstraints(max_length=400)]
Frequency = Literal["never", "1min", "5min", "15min", "30min", "1hour", "6hour", "12hour", "24hour", "7day", "30day"]
Sweep = Literal["never", "always", "1hour", "6hour", "12hour", "24hour", "7day", "30day"]
Evolution = Literal["evolve", "freeze", "discard"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class NewSource(_Body):
    """A source to make."""

    source_type: str
    payload: dict[str, Any] | None = Field(None, description="The form's fields, and `schemas`: what is to be synced.")
    job_inputs: dict[str, Any] | None = Field(None, description="Another name of `payload`.")
    prefix: Prefix | None = None
    description: Description | None = None
    access_method: Literal["warehouse", "direct"] = "warehouse"
    created_via: Literal["web", "api", "mcp", "wizard", "self_driving"] | None = None


class NewCredentials(_Body):
    """What a source is to connect with, kept until it is made."""

    source_type: str
    payload: dict[str, Any] = Field(description="The form's fields.")


class Setup(NewSource):
    """A source to make, with all its tables: how each is synced is chosen by what it has."""


class SourceChange(_Body):
    """What may be changed of a source; the rest is passed over."""

    prefix: str | None = Field(None, description="What a source is called that is queried directly; else it stays.")
    job_inputs: dict[str, Any] | None = Field(None, description="Set over what is kept; a secret left out stays.")
    description: Description | None = None
    access_method: str | None = None


class RevenueConfig(_Body):
    """Whether revenue analytics count this source."""

    enabled: bool | None = None
    include_invoiceless_charges: bool | None = None


class PrefixWish(_Body):
    """A pair of type and prefix to try."""

    source_type: str
    prefix: Prefix | None = None
    access_method: Literal["warehouse", "direct"] = "warehouse"


class SchemaChange(_Body):
    """What may be said of a schema; the rest is passed over."""

    should_sync: bool | None = None
    sync_type: Literal["full_refresh", "incremental", "append", "webhook", "cdc"] | None = None
    incremental_field: str | None = None
    incremental_field_type: str | None = None
    primary_key_columns: list[str] | None = None
    enabled_columns: list[str] | None = Field(None, description="Null is all; keys and the cursor are always there.")
    sync_frequency: Frequency | None = None
    sync_time_of_day: str | None = Field(None, description="`HH:MM:SS` UTC, on which the schedule is set up.")
    evolution: Evolution | None = Field(None, description="What a changed remote table does to this one.")
    key_sweep: Sweep | None = Field(None, description="How often an incremental sync looks for deleted rows.")
    cdc_table_mode: Literal["consolidated", "cdc_only", "both"] | None = None


class BulkChange(_Body):
    """Several schemas of one source, each with its id: all or none."""

    schemas: list[dict[str, Any]]


class WebhookInputs(_Body):
    """What proves a webhook's deliveries."""

    inputs: dict[str, Any] | None = Field(None, description="By the names of the wizard's `webhookFields`.")


class LogWish(_Body):
    """How a source's log of changes is to be read."""

    cdc_management_mode: Literal["posthog", "self_managed"] = Field(
        "posthog", description="Who makes slot and publication: this server, or you."
    )
    cdc_slot_name: str | None = Field(None, pattern=r"^[a-z0-9_]{1,63}$")
    cdc_publication_name: Annotated[str, StringConstraints(min_length=1, max_length=63)] | None = None
    cdc_auto_drop_slot: bool = Field(True, description="Drop the slot when the server keeps too much for it.")
    cdc_lag_warning_threshold_mb: int = Field(1024, ge=1)
    cdc_lag_critical_threshold_mb: int = Field(10240, ge=1)


class LogSettings(_Body):
    """What may be changed of a log that is being read."""

    cdc_auto_drop_slot: bool | None = None
    cdc_lag_warning_threshold_mb: int | None = Field(None, ge=1)
    cdc_lag_critical_threshold_mb: int | None = Field(None, ge=1)
