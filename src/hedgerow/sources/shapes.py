"""Sources, schemas and runs as the API answers them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hedgerow.connectors import Connectors, Cursor, RemoteTable
from hedgerow.kit.clock import iso
from hedgerow.sources.form import configuring
from hedgerow.sources.logs.records import ChangeLog
from hedgerow.sources.records import (
    BY_CURSOR,
    COMPLETED,
    CONSOLIDATED,
    FAILED,
    HISTORY,
    PAUSED,
    RUNNING,
    Run,
    Schema,
    Source,
)
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.shapes import column_shape
from hedgerow.web.access import UserCards

_RUN_WORDS = {"BillingLimitReached": "Billing limits", "BillingLimitTooLow": "Billing limit too low"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A source with all that its answer tells."""

    source: Source
    schemas: Sequence[Schema]
    config: Mapping[str, Any]
    tables: Mapping[UUID, TableRecord]
    last_run_at: datetime | None
    log: ChangeLog | None = None


@dataclass(frozen=True, slots=True)
class Shapes:
    """Writes sources out; a value that is not declared, or is a secret, is not among them."""

    connectors: Connectors
    cards: UserCards

    def sources(self, wholes: Iterable[Whole]) -> list[dict[str, Any]]:
        """Several, with one look-up of their makers."""
        wholes = list(wholes)
        cards = self.cards.cards({w.source.created_by for w in wholes if w.source.created_by is not None})
        return [self._source(whole, cards) for whole in wholes]

    def _source(self, whole: Whole, cards: Mapping[int, Mapping[str, object]]) -> dict[str, Any]:
        source, connector = whole.source, self.connectors.get(whole.source.source_type)
        maker = cards.get(source.created_by) if source.created_by is not None else None
        inputs = configuring.shown(connector.declaration, whole.config) if connector else {}
        inputs |= whole.log.shown() if whole.log is not None and whole.log.enabled else {}
        brief = brief_source(source, status(source, whole.schemas))
        return {
            **brief,
            "created_by": maker["email"] if maker else None,
            "client_secret": None,
            "account_id": None,
            "latest_error": _latest_error(whole),
            "prefix": source.prefix,
            "description": source.description,
            "last_run_at": iso(whole.last_run_at) if whole.last_run_at else None,
            "schemas": [schema(s, whole.tables.get(s.table_id) if s.table_id else None, None) for s in whole.schemas],
            "job_inputs": inputs,
            "revenue_analytics_config": {
                "enabled": source.revenue_enabled,
                "include_invoiceless_charges": source.revenue_invoiceless,
            },
            "user_access_level": "manager",
            "created_via": source.created_via,
            "access_method": source.access_method,
            "engine": engine(source),
            "supports_webhooks": not source.direct and connector is not None and bool(connector.declaration.webhook),
            "supports_column_selection": connector is not None,
        }


def engine(source: Source) -> str | None:
    """What answers at the remote of a source that is queried directly."""
    return source.source_type.lower() if source.direct else None


def connection(source: Source) -> dict[str, Any]:
    """A source that queries can name as their connection."""
    return {"id": str(source.id), "prefix": source.prefix, "engine": engine(source)}


def status(source: Source, schemas: Iterable[Schema]) -> str:
    """What a source's enabled schemas make of it; what is not synced does not count."""
    found = {each.status for each in schemas if each.should_sync}
    words = (
        (FAILED, FAILED),
        ("BillingLimitReached", "Billing limits"),
        ("BillingLimitTooLow", "Billing limits too low"),
        (PAUSED, PAUSED),
        (RUNNING, RUNNING),
        (COMPLETED, COMPLETED),
    )
    return next((word for each, word in words if each in found), source.status)


def _latest_error(whole: Whole) -> str | None:
    """What went wrong with one of its tables, else what is to be seen to of its log."""
    told = next((schema.latest_error for schema in whole.schemas if schema.latest_error), None)
    return told or (whole.log.warning if whole.log is not None and whole.log.enabled else None)


def brief_source(source: Source, state: str) -> dict[str, Any]:
    """A source as its tables and schemas show it."""
    return {
        "id": str(source.id),
        "created_at": iso(source.created_at),
        "created_by": source.created_by,
        "status": state,
        "source_type": source.source_type,
    }


def schema(record: Schema, table: TableRecord | None, source: Mapping[str, Any] | None) -> dict[str, Any]:
    """A schema's row."""
    return {
        "id": str(record.id),
        "name": record.name,
        "label": record.label,
        "table": _table(table) if table else None,
        "should_sync": record.should_sync,
        "last_synced_at": iso(record.last_synced_at) if record.last_synced_at else None,
        "latest_error": record.latest_error,
        "incremental": record.sync_type in BY_CURSOR,
        "status": record.status,
        "sync_type": record.sync_type,
        "incremental_field": record.incremental_field,
        "incremental_field_type": record.incremental_field_type,
        "sync_frequency": record.sync_frequency,
        "sync_time_of_day": record.sync_time_of_day,
        "description": record.description,
        "primary_key_columns": record.primary_key_columns,
        "cdc_table_mode": record.table_mode if record.sync_type == "cdc" else record.cdc_table_mode,
        "enabled_columns": record.enabled_columns,
        "available_columns": record.columns,
        "evolution": record.evolution,
        "key_sweep": record.key_sweep,
        "last_swept_at": iso(record.swept_at) if record.swept_at else None,
        "hogql_name": record.table_name,
        "source": source,
    }


def _table(table: TableRecord) -> dict[str, Any]:
    columns = [column_shape(column) for column in table.columns]
    return {"id": str(table.id), "name": table.name, "columns": columns, "row_count": table.row_count}


def run(now: tuple[Run, Mapping[str, Any]], of: Schema | None, maker: Mapping[str, object] | None) -> dict[str, Any]:
    """A run and how far it is if it runs; `schema` is null when it is no more."""
    record, progress = now
    told = None
    if of is not None:
        told = {
            "id": str(of.id),
            "name": of.name,
            "label": of.label,
            "should_sync": of.should_sync,
            "last_synced_at": iso(of.last_synced_at) if of.last_synced_at else None,
            "sync_type": of.sync_type,
        }
    return {
        "id": str(record.id),
        "created_at": iso(record.created_at),
        "created_by": maker["email"] if maker else None,
        "finished_at": iso(record.finished_at) if record.finished_at else None,
        "status": _RUN_WORDS.get(record.status, record.status),
        "schema": told,
        "rows_synced": progress.get("rows", record.rows_synced),
        "bytes_synced": progress.get("bytes", record.bytes_synced),
        "rows_expected": progress.get("rows_expected"),
        "null_cursors": record.null_cursors,
        "rows_deleted": record.rows_deleted,
        "sync_type": record.sync_type,
        "latest_error": record.error,
        "workflow_run_id": str(record.id),
        "cdc_write_mode": _write_mode(of) if record.sync_type == "cdc" else None,
    }


def _write_mode(of: Schema | None) -> str:
    return "scd2_append" if of is not None and of.table_mode == HISTORY else CONSOLIDATED


def remote_table(table: RemoteTable, *, logs: bool = False) -> dict[str, Any]:
    """A table that was found, as `database_schema` tells of it; `logs`: its remote keeps a log that can be read."""
    first = table.cursor(table.default_cursor) if table.default_cursor else None
    first = first or next(iter(table.cursors), None)
    return {
        "table": table.name,
        "label": table.label,
        "should_sync": False,
        "rows": table.row_estimate,
        "incremental_fields": [_cursor(cursor, table) for cursor in table.cursors],
        "incremental_available": "incremental" in table.sync_types,
        "append_available": "append" in table.sync_types,
        "cdc_available": bool(table.primary_key) if logs else None,
        "supports_webhooks": "webhook" in table.sync_types,
        "webhook_only": False,
        "incremental_field": first.field if first else None,
        "sync_type": None,
        "description": table.description,
        "should_sync_default": False,
        "available_columns": [
            {"field": c.name, "label": c.name, "type": c.remote_type, "nullable": c.nullable} for c in table.columns
        ],
        "detected_primary_keys": list(table.primary_key) or None,
        "permission_error": None,
        "rls_warning": None,
    }


def incremental_fields(table: RemoteTable, *, logs: bool = False) -> dict[str, Any]:
    """How one remote table can be synced."""
    told = remote_table(table, logs=logs)
    names = ("incremental_fields", "incremental_available", "append_available", "cdc_available")
    more = ("supports_webhooks", "webhook_only", "available_columns", "detected_primary_keys")
    return {**{name: told[name] for name in (*names, *more)}, "full_refresh_available": True}


def _cursor(cursor: Cursor, table: RemoteTable) -> dict[str, Any]:
    column = next((c for c in table.columns if c.name == cursor.field), None)
    return {
        "label": cursor.label or cursor.field,
        "type": cursor.type,
        "field": cursor.field,
        "field_type": cursor.type,
        "nullable": column.nullable if column else True,
    }
