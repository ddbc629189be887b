"""Every connector there is, each loaded with its driver when a source of its type is first met."""

from functools import partial
from pathlib import Path

from hedgerow.connectors.base import Connector
from hedgerow.connectors.registry import Connectors, Makers
from hedgerow.kit.outgoing import OutgoingGuard


def open_connectors(guard: OutgoingGuard, folder: Path) -> Connectors:
    """All types; SQLite files are read from `folder` alone."""
    makers: Makers = {
        "SQLite": partial(_sqlite, folder),
        "Postgres": partial(_postgres, guard),
        "MySQL": partial(_mysql, guard),
        "ClickHouse": partial(_clickhouse, guard),
        "AmazonS3": partial(_s3, guard),
        "Custom": partial(_custom, guard),
        "Hedgerow": partial(_project, guard),
        **{name: partial(_api, name, guard) for name in ("Github", "Hubspot", "Stripe", "Zendesk")},
    }
    return Connectors(makers)


def _sqlite(folder: Path) -> Connector:
    from hedgerow.connectors.sqlite import SqliteConnector

    return SqliteConnector(folder)


def _postgres(guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.postgres import PostgresConnector

    return PostgresConnector(guard)


def _mysql(guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.mysql import MySqlConnector

    return MySqlConnector(guard)


def _clickhouse(guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.clickhouse import ClickHouseConnector

    return ClickHouseConnector(guard)


def _s3(guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.s3 import S3Connector

    return S3Connector(guard)


def _custom(guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.custom import custom_connector

    return custom_connector(guard)


def _project(guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.project import project_connector

    return project_connector(guard)


def _api(source_type: str, guard: OutgoingGuard) -> Connector:
    from hedgerow.connectors.apis import api_connector

    return api_connector(source_type, guard)
