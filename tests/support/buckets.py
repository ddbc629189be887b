"""Fixtures for S3-compatible buckets: a real server in a process of its own, and one fresh bucket per test."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest

from tests.support.processes import free_port
from tests.support.require import missing

ACCESS_KEY = "hedgerow-test"
ACCESS_SECRET = "hedgerow-test-secret"
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and a client of it. `address` is `http://host:port/bucket`."""

    client: Any
    server: str
    name: str

    @property
    def address(self) -> str:
        return f"{self.server}/{self.name}"

    @property
    def files_url(self) -> str:
        """As `HEDGEROW_FILES_URL` names it."""
        host = self.server.removeprefix("http://")
        return f"s3://{ACCESS_KEY}:{ACCESS_SECRET}@{host}/{self.name}?tls=false"

    @property
    def credential(self) -> dict[str, str]:
        """As the API takes it."""
        return {"access_key": ACCESS_KEY, "access_secret": ACCESS_SECRET}

    def put(self, key: str, content: bytes | str) -> str:
        """Keep an object; its URL."""
        body = content.encode() if isinstance(content, str) else content
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return f"{self.address}/{key}"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a running S3 server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with suppress(httpx.TransportError):
                httpx.get(address, timeout=1)
                break
            time.sleep(0.05)
        else:
            missing("S3 server", f"moto.server on port {port}")
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def bucket(s3_server: str) -> Iterator[Bucket]:
    """A fresh, empty bucket."""
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_SECRET,
        region_name="us-east-1",
    )
    name = f"bucket-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    yield Bucket(client, s3_server, name)
    client.close()
