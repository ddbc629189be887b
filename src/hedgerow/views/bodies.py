"""What may be said of saved queries and saved joins."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from hedgerow.views.records import Draft, Incremental

Pace = Literal["5min", "15min", "30min", "1hour", "6hour", "12hour", "24hour", "7day", "30day"]
Frequency = Literal["never"] | Pace
Name = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_$][A-Za-z0-9_$]*$", max_length=400)]


class IncrementalWish(BaseModel):
    """How a view's table is made bit by bit; `{"enabled": false}` or null makes it whole each time."""

    model_config = ConfigDict(extra="forbid")
    enabled: bool = True
    incremental_key: Annotated[str, StringConstraints(max_length=400)] = ""
    unique_key: list[Short] = Field([], max_length=20, description="Columns that tell a row from all others.")
    lookback_seconds: int = Field(0, ge=0, le=10 * 366 * 86_400)

    @model_validator(mode="before")
    @classmethod
    def one_column(cls, given: Any) -> Any:
        """`unique_key` may be the name of one column, or null."""
        if not isinstance(given, dict) or "unique_key" not in given:
            return given
        key = given["unique_key"]
        return {**given, "unique_key": [key] if isinstance(key, str) else key or []}

    def settings(self) -> Incremental | None:
        """As it is kept."""
        if not self.enabled:
            return None
        return Incremental(True, self.incremental_key, tuple(self.unique_key), self.lookback_seconds)


class ViewChange(BaseModel):
    """What may be said of a view; the rest is passed over."""

    model_config = ConfigDict(extra="ignore")
    name: Name = ""
    folder_id: UUID | None = Field(None, description="The folder it is in; null takes it out.")
    description: Annotated[str, StringConstraints(max_length=4_000)] | None = Field(None, description="For people.")
    query: JsonValue = Field(None, description='`{"kind": "HogQLQuery", "query": "SELECT …"}`')
    edited_history_id: str | None = Field(None, description="The `latest_history_id` that the change was made from.")
    soft_update: bool | None = Field(None, description="Change the query whoever changed it meanwhile.")
    types: list[tuple[str, str]] | None = Field(None, description="Columns as `[name, type]`: none are found out.")
    sync_frequency: Frequency | None = None
    incremental: IncrementalWish | None = None
    deleted: bool = False
    rewrite_dependents: bool = Field(False, description="At a rename: give the views that read it the new name.")

    def draft(self) -> Draft:
        """What was said, and nothing else."""
        return Draft(
            given=frozenset(self.model_fields_set),
            name=self.name,
            folder_id=self.folder_id,
            description=self.description or "",
            query=self.query,
            token=_canonical(self.edited_history_id),
            soft=bool(self.soft_update),
            types=None if self.types is None else tuple(self.types),
            sync_frequency=None if self.sync_frequency == "never" else self.sync_frequency,
            incremental=self.incremental.settings() if self.incremental else None,
            rewrite_dependents=self.rewrite_dependents,
            deleted=self.deleted,
        )


class NewView(ViewChange):
    """A view to make."""

    name: Name
    query: JsonValue


class NewFolder(BaseModel):
    """A folder to make."""

    model_config = ConfigDict(extra="ignore")
    name: Name


class FolderChange(BaseModel):
    """What may be said of a folder."""

    model_config = ConfigDict(extra="ignore")
    name: Name = ""


class Level(BaseModel):
    """How many steps away; all unless told."""

    model_config = ConfigDict(extra="ignore")
    level: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None


class LinkKeys(BaseModel):
    """Which column of a table goes with which of another."""

    model_config = ConfigDict(extra="ignore")
    source_table_name: Short
    source_table_key: Short
    joining_table_name: Short
    joining_table_key: Short


class NewLink(LinkKeys):
    """A join to save: `source_table.field_name.column` then reads the joining table."""

    field_name: FieldName
    configuration: dict[str, Any] | None = None


class LinkChange(BaseModel):
    """What may be said of a saved join."""

    model_config = ConfigDict(extra="ignore")
    source_table_name: Short = ""
    source_table_key: Short = ""
    joining_table_name: Short = ""
    joining_table_key: Short = ""
    field_name: FieldName | None = None
    configuration: dict[str, Any] | None = None


class Enabling(BaseModel):
    """Whether a managed set of views is shown."""

    enabled: bool


def _canonical(token: str | None) -> str | None:
    """Any spelling of a UUID in the one that answers have."""
    try:
        return str(UUID(token)) if token else None
    except ValueError:
        return token
