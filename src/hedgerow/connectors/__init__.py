"""Connectors: remote systems behind one protocol, and nothing of projects, jobs or routes."""

from hedgerow.connectors.base import (
    Ask,
    Connector,
    Cursor,
    CursorType,
    CursorValue,
    Declaration,
    Field,
    FieldKind,
    Option,
    Refused,
    RemoteColumn,
    RemoteTable,
    SourceError,
    SyncType,
    Unreachable,
    WebhookForm,
    table_of,
)
from hedgerow.connectors.registry import Connectors
from hedgerow.connectors.watching import Unwanted, Watch

__all__ = [
    "Ask",
    "Connector",
    "Connectors",
    "Cursor",
    "CursorType",
    "CursorValue",
    "Declaration",
    "Field",
    "FieldKind",
    "Option",
    "Refused",
    "RemoteColumn",
    "RemoteTable",
    "SourceError",
    "SyncType",
    "Unreachable",
    "Unwanted",
    "Watch",
    "WebhookForm",
    "table_of",
]
