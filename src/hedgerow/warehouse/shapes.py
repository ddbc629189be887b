"""Tables as the API answers them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from hedgerow.kit.clock import iso
from hedgerow.warehouse.records import KeptColumn, TableRecord
from hedgerow.web.access import UserCard, UserCards

Owners = Callable[[int, Sequence[UUID]], Mapping[UUID, Mapping[str, Any]]]
"""Another room's word on the tables of a project that it keeps, by table: `external_data_source`, `external_schema`."""


class Shapes:
    """Writes tables out. `site` is the address of the server, `cards` looks up who made what."""

    def __init__(self, cards: UserCards, site: str, owners: Sequence[Owners] = ()) -> None:
        self._cards, self._site, self._owners = cards, site, owners

    def table(self, record: TableRecord) -> dict[str, Any]:
        """One table."""
        return self.tables([record])[0]

    def tables(self, records: Iterable[TableRecord], include_columns: bool = True) -> list[dict[str, Any]]:
        """Several, with one look-up of their makers."""
        records = list(records)
        makers = {r.created_by for r in records} | {r.credential.created_by for r in records if r.credential}
        cards = self._cards.cards({maker for maker in makers if maker is not None})
        owned = self._owned([record for record in records if record.schema_id is not None])
        return [{**self._table(record, cards, include_columns), **owned.get(record.id, {})} for record in records]

    def _owned(self, records: Sequence[TableRecord]) -> dict[UUID, Mapping[str, Any]]:
        if not records:
            return {}
        ids = [record.id for record in records]
        return {table: told for owner in self._owners for table, told in owner(records[0].project_id, ids).items()}

    def _table(self, record: TableRecord, cards: Mapping[int, UserCard], include_columns: bool) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "id": str(record.id),
            "deleted": record.deleted,
            "name": record.name,
            "hogql_name": record.name,
            "format": record.format,
            "created_by": _card(record.created_by, cards),
            "created_at": iso(record.created_at),
            "url_pattern": self._address(record),
            "credential": _credential(record, cards),
            "columns": [column_shape(column) for column in record.columns],
            "external_data_source": None,
            "external_schema": None,
            "options": dict(record.options),
            "created_via": record.created_via,
            "row_count": record.row_count,
            "size_bytes": record.size_bytes,
        }
        if not include_columns:
            del shape["columns"]
        return shape

    def _address(self, record: TableRecord) -> str:
        """Where an uploaded file can be fetched again, or the linked address."""
        if record.physical is None or record.schema_id is not None:
            return record.url_pattern
        return f"{self._site}/api/projects/{record.project_id}/warehouse_tables/{record.id}/file/{record.file_name}"


def _card(user_id: int | None, cards: Mapping[int, UserCard]) -> UserCard | None:
    return None if user_id is None else cards.get(user_id)


def _credential(record: TableRecord, cards: Mapping[int, UserCard]) -> dict[str, Any] | None:
    credential = record.credential
    if credential is None:
        return None
    maker = _card(credential.created_by, cards)
    return {"id": str(credential.id), "created_by": maker, "created_at": iso(credential.created_at)}


def column_shape(column: KeptColumn) -> dict[str, Any]:
    """A column of a table or view."""
    return {
        "key": column.name,
        "name": column.name,
        "type": column.hogql,
        "schema_valid": column.valid,
        "fields": None,
        "table": None,
        "chain": None,
    }
