"""A connector of buckets, words for its configurations, and a store that checks keys."""

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from hedgerow.connectors import Ask, RemoteTable
from hedgerow.connectors.s3 import S3Connector
from hedgerow.kit.outgoing import OutgoingGuard
from tests.support.buckets import ACCESS_KEY, ACCESS_SECRET, Bucket
from tests.support.processes import free_port


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


@pytest.fixture(scope="session")
def locked_store() -> Iterator[tuple[str, dict[str, str]]]:
    """A store that checks keys and what they may; its address, and the keys of one who may do all."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _answers(lambda: httpx.get(address, timeout=1))
        named = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        users = boto3.client("iam", endpoint_url=address, **named)
        keys = {}
        for name, what in (("reader", "s3:*"), ("nobody", "sqs:*")):
            users.create_user(UserName=name)
            policy = (
                f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "{what}", "Resource": "*"}}}}'
            )
            users.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
            made = users.create_access_key(UserName=name)["AccessKey"]
            keys |= {f"{name}_key": made["AccessKeyId"], f"{name}_secret": made["SecretAccessKey"]}
        store = boto3.client("s3", endpoint_url=address, **named)
        store.create_bucket(Bucket="locked")
        store.put_object(Bucket="locked", Key="t/1.csv", Body=b"a\n1\n")
        httpx.post(f"{address}/moto-api/reset-auth", content=b"0")
        store.close()
        users.close()
        yield address, keys
    finally:
        process.terminate()
        process.wait(10)


def _answers(ask: Callable[[], Any]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            ask()
            return
        time.sleep(0.05)
    raise AssertionError("the store did not start")
