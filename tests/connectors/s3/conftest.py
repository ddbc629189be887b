"""A connector of buckets, and words for its configurations."""

import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.connectors import Ask, RemoteTable
from hedgerow.connectors.s3 import S3Connector
from hedgerow.kit.outgoing import OutgoingGuard
from tests.support.buckets import ACCESS_KEY, ACCESS_SECRET, Bucket


@pytest.fixture
def connector() -> S3Connector:
    return S3Connector(OutgoingGuard(allow_private=True))


@pytest.fixture
def config(bucket: Bucket) -> dict[str, Any]:
    """The whole bucket."""
    return {
        "url": f"s3://{bucket.name}",
        "endpoint": bucket.server,
        "access_key": ACCESS_KEY,
        "secret_key": ACCESS_SECRET,
    }


def table(connector: S3Connector, config: dict[str, Any], name: str) -> RemoteTable:
    """A table as it is found."""
    found = connector.find(config, name)
    assert found is not None, name
    return found


def rows(connector: S3Connector, config: dict[str, Any], name: str, **ask: Any) -> list[dict[str, Any]]:
    """Its rows, without what the connector says of their files."""
    return [
        {column: value for column, value in row.items() if not column.startswith("_")}
        for batch in connector.read(config, Ask(name, **ask))
        for row in batch.to_pylist()
    ]


def types(connector: S3Connector, config: dict[str, Any], name: str) -> dict[str, pa.DataType]:
    """Its columns' types, without those of our own."""
    found = table(connector, config, name)
    return {column.name: column.arrow_type for column in found.columns if not column.name.startswith("_")}


def as_parquet(values: pa.Table, **options: Any) -> bytes:
    """A table as a file."""
    out = io.BytesIO()
    parquet.write_table(values, out, **options)
    return out.getvalue()
