"""Files in a bucket keep the rules of all connectors, against a real store."""

import os
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused
from hedgerow.connectors.s3 import S3Connector
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.support.buckets import ACCESS_KEY, ACCESS_SECRET, Bucket
from tests.support.processes import free_port

_FILES = {
    "a.csv": "id,name,price\n1,plain,1.5\n",
    "b.csv": 'id,name,price\n2,"🦔 ""quoted"",\nand more",-0.5\n',
    "c.csv": 'id,name,price\n9223372036854775807,"",\n',
}


def _connections(port: int) -> int:
    """How many this process has to a port, as the system tells."""
    mine = {os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    there = [line.split() for line in lines]
    return sum(f"socket:[{cells[9]}]" in mine and int(cells[2].rpartition(":")[2], 16) == port for cells in there)


@pytest.fixture(scope="module")
def filled(s3_server: str) -> Iterator[Bucket]:
    """A bucket whose files are each of another second."""
    keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": ACCESS_SECRET, "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=s3_server, **keys)
    bucket = Bucket(client, s3_server, f"conformance-{uuid4().hex[:12]}")
    client.create_bucket(Bucket=bucket.name)
    for name, text in _FILES.items():
        bucket.put(f"orders/{name}", text)
        time.sleep(1.05)
    yield bucket
    client.close()


class TestS3(ConnectorConformance):
    @pytest.fixture
    def case(self, filled: Bucket, connector: S3Connector, locked_store: tuple[str, dict[str, str]]) -> Case:
        port = urlsplit(filled.server).port or 0
        config: dict[str, Any] = {
            "url": f"s3://{filled.name}",
            "endpoint": filled.server,
            "access_key": filled.credential["access_key"],
            "secret_key": filled.credential["access_secret"],
        }
        address, keys = locked_store
        locked = {"url": "s3://locked", "endpoint": address, "access_key": keys["reader_key"]}
        nobody = {"access_key": keys["nobody_key"], "secret_key": keys["nobody_secret"]}
        connector.check({**locked, "secret_key": keys["reader_secret"]})
        return Case(
            connector=connector,
            config=config,
            table="orders",
            rows=_rows(filled),
            primary_key=("_file", "_line"),
            cursor="_file_modified",
            open=lambda: _connections(port),
            refused={
                "a wrong secret": ({**locked, "secret_key": "wr0ng"}, "secret key is wrong"),
                "an unknown key": ({**locked, "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "x"}, "not known"),
                "keys that may not": ({**locked, **nobody}, "may not list"),
                "a secret without a key": ({**config, "access_key": ""}, "belong together"),
                "a bucket that is not there": ({**config, "url": "s3://nowhere"}, "no bucket nowhere"),
                "a folder that is not there": ({**config, "url": f"s3://{filled.name}/none/"}, "no file"),
                "no address": ({**config, "url": "ftp://x/y"}, "s3://bucket"),
                "a bad line": ({**config, "tables": "orders"}, "name = files"),
                "a name that leads nowhere": (
                    {**config, "endpoint": "http://nowhere.invalid"},
                    "could not be resolved",
                ),
            },
            unreachable={**config, "endpoint": f"http://127.0.0.1:{free_port()}"},
        )


def _rows(bucket: Bucket) -> pa.Table:
    listed = bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    bucket.client.close()  # its connection is none of the connector's
    return pa.table(
        {
            "id": pa.array([1, 2, 2**63 - 1]),
            "name": ["plain", '🦔 "quoted",\nand more', ""],
            "price": [1.5, -0.5, None],
            "_file": [each["Key"] for each in listed],
            "_line": [1, 1, 1],
            "_file_modified": pa.array(
                [each["LastModified"].astimezone(UTC) for each in listed], pa.timestamp("us", "UTC")
            ),
        }
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254"])
def test_a_strict_server_reaches_no_internal_host(host: str, config: dict[str, Any]) -> None:
    strict = S3Connector(OutgoingGuard(allow_private=False))
    with pytest.raises(Refused, match="internal IP addresses are not allowed") as caught:
        strict.check({**config, "endpoint": f"https://{host}:9000"})
    assert caught.value.field == "endpoint"
    with pytest.raises(Refused, match="must use https"):
        strict.check({**config, "endpoint": f"http://{host}"})


def test_a_bucket_s_name_leads_to_no_internal_host(config: dict[str, Any]) -> None:
    """The host of a virtual address is made of the bucket's name: it is looked at like any other."""
    seen: list[str] = []

    def resolve(host: str, port: int) -> frozenset[str]:
        seen.append(host)
        return frozenset({"93.184.216.34" if host == "s3.example.com" else "10.0.0.1"})

    strict = S3Connector(OutgoingGuard(False, resolve))
    with pytest.raises(Refused, match="internal IP addresses"):
        strict.check({**config, "endpoint": "https://s3.example.com", "addressing": "virtual"})
    assert seen
    assert all(host != "s3.example.com" for host in seen)


_ODD = ("a b+c%25&=d", "e?f#g", "ü🦔", "h'i(j)!*", 'k"l~@$;:,[m]')


def test_signed_requests_for_names_of_any_signs(
    connector: S3Connector, locked_store: tuple[str, dict[str, str]], config: dict[str, Any]
) -> None:
    """The store checks every signature: it is made over the address as it was sent."""
    address, keys = locked_store
    there = {"endpoint": address, "access_key": keys["reader_key"], "secret_key": keys["reader_secret"]}
    login = {"aws_access_key_id": keys["reader_key"], "aws_secret_access_key": keys["reader_secret"]}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **login)
    for name in _ODD:
        client.put_object(Bucket="locked", Key=f"odd/{name}/{name}.csv", Body=f"a\n{len(name)}\n".encode())
    client.close()
    config = {**there, "url": "s3://locked/odd"}
    assert [table.name for table in connector.discover(config)] == sorted(_ODD)
    for name in _ODD:
        (batch,) = connector.read(config, Ask(name))
        assert batch.select(["a", "_file"]).to_pylist() == [{"a": len(name), "_file": f"odd/{name}/{name}.csv"}]
