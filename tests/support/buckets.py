"""Fixtures for S3-compatible buckets: a server in a process of its own, or one elsewhere; a fresh bucket per test."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import boto3
import httpx
import pytest

from tests.support.processes import free_port
from tests.support.require import missing

_ELSEWHERE = urlsplit(os.environ.get("HEDGEROW_TEST_S3_URL", ""))  # http://KEY:SECRET@HOST:PORT
ACCESS_KEY = unquote(_ELSEWHERE.username or "hedgerow-test")
ACCESS_SECRET = unquote(_ELSEWHERE.password or "hedgerow-test-secret")
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
        login = f"{quote(ACCESS_KEY, safe='')}:{quote(ACCESS_SECRET, safe='')}"
        return f"s3://{login}@{host}/{self.name}?tls=false"

    @property
    def looks_at_keys(self) -> bool:
        """Whether a wrong secret is refused: the server that tests start takes any."""
        return bool(_ELSEWHERE.hostname)

    @property
    def credential(self) -> dict[str, str]:
        """As the API takes it."""
        return {"access_key": ACCESS_KEY, "access_secret": ACCESS_SECRET}

    def put(self, key: str, content: bytes | str) -> str:
        """Keep an object; its URL."""
        body = content.encode() if isinstance(content, str) else content
        self.client.put_object(Bucket=self.name, Key=key, Body=body)
        return f"{self.address}/{key}"


@contextmanager
def _started() -> Iterator[str]:
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


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a running S3 server."""
    if _ELSEWHERE.hostname:
        yield f"{_ELSEWHERE.scheme}://{_ELSEWHERE.hostname}:{_ELSEWHERE.port}"
        return
    with _started() as address:
        yield address


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


@pytest.fixture(scope="session")
def locked_store() -> Iterator[tuple[str, dict[str, str]]]:
    """A store that checks keys and what they may; its address, and the keys of one who may do all and of one who may
    not read."""
    with _started() as address:
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
