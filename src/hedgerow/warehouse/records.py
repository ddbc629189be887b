"""Tables as other modules see them: frozen, without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow.engine.result import Column


@dataclass(frozen=True, slots=True)
class CredentialRecord:
    """Who gave a credential, and when."""

    id: UUID
    created_by: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Keys:
    """A credential's plain text: for the engine alone, never to be written or answered."""

    access_key: str
    access_secret: str

    def __repr__(self) -> str:
        return "Keys(…)"


@dataclass(frozen=True, slots=True)
class KeptColumn:
    """A column of a table: the engine's type, HogQL's, and whether the file's values were found to fit."""

    name: str
    clickhouse: str
    hogql: str
    valid: bool = True

    @property
    def column(self) -> Column:
        return Column(self.name, self.clickhouse)


@dataclass(frozen=True, slots=True)
class ManagedView:
    """A view that the server keeps: its text, its columns once that is run, and the tables it reads."""

    name: str
    text: str
    columns: tuple[KeptColumn, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableRecord:
    """A table. `physical` is `None` for a linked one; `file_key` and `size_bytes` are the uploaded file's.

    `schema_id` is that of a source's schema, for a table that is synced.
    """

    id: UUID
    project_id: int
    name: str
    format: str
    url_pattern: str
    columns: tuple[KeptColumn, ...]
    options: Mapping[str, Any]
    deleted: bool
    created_by: int | None
    created_at: datetime
    created_via: str
    credential: CredentialRecord | None
    physical: str | None
    file_key: str | None
    row_count: int | None
    size_bytes: int | None
    schema_id: UUID | None = None

    @property
    def file_name(self) -> str:
        """The name the uploaded file came with."""
        return (self.file_key or "").rpartition("/")[2]
