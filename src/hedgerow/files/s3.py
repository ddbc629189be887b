"""Files in a bucket of any S3-compatible store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from hedgerow.files.base import CHUNK_BYTES, FilesUnavailable, MissingFile, checked

T = TypeVar("T")
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_TRANSFER = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=2)


class S3Files:
    """`Files` in one bucket. `url`: `s3://key:secret@host[:port]/bucket[/prefix][?region=…&tls=false]`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        bucket, _, prefix = parts.path.strip("/").partition("/")
        if not (parts.hostname and bucket and parts.username and parts.password):
            raise ValueError("files in a bucket need s3://key:secret@host/bucket")
        options = parse_qs(parts.query)
        scheme = "http" if options.get("tls", ["true"])[0] == "false" else "https"
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=f"{scheme}://{parts.netloc.rpartition('@')[2]}",
            aws_access_key_id=unquote(parts.username),
            aws_secret_access_key=unquote(parts.password),
            region_name=options.get("region", ["us-east-1"])[0],
            config=Config(
                connect_timeout=5, read_timeout=60, retries={"max_attempts": 3}, s3={"addressing_style": "path"}
            ),
        )

    async def put(self, key: str, source: Path) -> None:
        """See `Files.put`."""
        name = self._name(key)
        await _call(lambda: self._client.upload_file(str(source), self._bucket, name, Config=_TRANSFER))

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """See `Files.read`."""
        name = self._name(key)
        answer = await _call(lambda: self._client.get_object(Bucket=self._bucket, Key=name))
        body = answer["Body"]
        try:
            while chunk := await _call(lambda: body.read(CHUNK_BYTES)):
                yield chunk
        finally:
            body.close()

    async def size(self, key: str) -> int:
        """See `Files.size`."""
        name = self._name(key)
        answer = await _call(lambda: self._client.head_object(Bucket=self._bucket, Key=name))
        return int(answer["ContentLength"])

    async def keys(self, prefix: str) -> list[str]:
        """See `Files.keys`."""

        def listed() -> list[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            return [item["Key"].removeprefix(self._prefix) for page in pages for item in page.get("Contents", ())]

        return sorted(await _call(listed))

    async def delete(self, key: str) -> None:
        """See `Files.delete`."""
        name = self._name(key)
        await _call(lambda: self._client.delete_object(Bucket=self._bucket, Key=name))

    async def ready(self) -> bool:
        """See `Files.ready`."""
        try:
            await _call(lambda: self._client.head_bucket(Bucket=self._bucket))
        except (FilesUnavailable, MissingFile):
            return False
        return True

    async def close(self) -> None:
        """See `Files.close`."""
        self._client.close()

    def _name(self, key: str) -> str:
        return self._prefix + checked(key)


async def _call(step: Callable[[], T]) -> T:
    """Run a blocking call of the client's in a thread; its errors become ours, without its words."""
    try:
        return await asyncio.to_thread(step)
    except ClientError as error:
        if str(error.response.get("Error", {}).get("Code")) in _ABSENT:
            raise MissingFile() from None
        raise FilesUnavailable() from error
    except (BotoCoreError, OSError) as error:
        raise FilesUnavailable() from error
    except Exception as error:
        if type(error).__module__.startswith("boto3"):
            raise FilesUnavailable() from error
        raise
