"""Publishes and removes synced tables within the caller's transaction, who keeps the physical ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.records import KeptColumn, TableRecord
from hedgerow.warehouse.shelf import Shelf
from hedgerow.warehouse.tables import Farewell


@dataclass(frozen=True, slots=True)
class Synced:
    """What a table is to hold from now on."""

    schema_id: UUID
    name: str
    physical: str
    columns: tuple[KeptColumn, ...]
    rows: int
    bytes_on_disk: int


@dataclass(frozen=True, slots=True)
class SyncedTables:
    """The warehouse's face to the room that syncs."""

    shelf: Shelf
    catalogs: Catalogs
    farewells: list[Farewell]

    def by_ids(self, session: Session, project_id: int, ids: Iterable[UUID]) -> dict[UUID, TableRecord]:
        """Those tables of a project that are there."""
        return self.shelf.by_ids(session, project_id, ids)

    def check_name(self, session: Session, project_id: int, name: str, own: UUID | None) -> None:
        """Raises `InvalidInput` when another table, or a view, has the name."""
        other = self.shelf.named(session, project_id, name)
        if (other is not None and other.id != own) or self.shelf.taken_elsewhere(session, project_id, name):
            raise InvalidInput(f'The name "{name}" is taken by another table or view of this project. Rename that one.')

    def publish(self, session: Session, project_id: int, present: TableRecord | None, synced: Synced) -> TableRecord:
        """Let a physical table serve under its name; the one it replaces is the caller's to retire."""
        values = {
            "physical": synced.physical,
            "columns": synced.columns,
            "row_count": synced.rows,
            "size_bytes": synced.bytes_on_disk,
        }
        if present is not None:
            return self.shelf.change(session, project_id, present.id, values)
        self.check_name(session, project_id, synced.name, None)
        made = {"name": synced.name, "format": "Parquet", "schema_id": synced.schema_id, "created_via": "api"}
        return self.shelf.add(session, project_id, {**made, **values})

    def remove(self, session: Session, project_id: int, table_id: UUID, by: int | None) -> str | None:
        """Take a table off the shelf; its physical one, which the caller retires. `None` when it is gone already."""
        record = self.shelf.by_ids(session, project_id, [table_id]).get(table_id)
        if record is None:
            return None
        self.shelf.change(session, project_id, table_id, {"deleted": True}, by)
        for farewell in self.farewells:
            farewell(session, record)
        return record.physical
