"""A bucket over HTTP: boto3 makes and signs the requests, which go out through the guard and nowhere else."""

import socket
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, cast

import boto3
import botocore
import httpx
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config as BotoConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.reaching import hang_up
from hedgerow.connectors.rest.transport import GuardedTransport
from hedgerow.connectors.s3.faults import of_store, unreachable
from hedgerow.connectors.s3.place import Place, place_of
from hedgerow.kit.outgoing import OutgoingGuard

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_TRIES = 3
_CONNECTED = {"connection.connect_tcp.complete", "connection.start_tls.complete"}


@dataclass(frozen=True, slots=True)
class Object:
    """A file as it was listed. `etag` names its content."""

    key: str
    size: int
    modified: datetime
    etag: str

    @property
    def name(self) -> str:
        """Without its folders."""
        return self.key.rpartition("/")[2]


class Body:
    """What botocore reads an answer from; bytes as they came."""

    def __init__(self, answer: httpx.Response) -> None:
        self._stream = cast("httpx.SyncByteStream", answer.stream)
        self._chunks = iter(self._stream)
        self._left = b""

    def read(self, amount: int | None = None) -> bytes:
        """So many bytes, fewer only at the end."""
        parts, size = [self._left], len(self._left)
        try:
            while amount is None or size < amount:
                chunk = next(self._chunks, None)
                if chunk is None:
                    self.close()  # so that the connection can be used again
                    break
                parts.append(chunk)
                size += len(chunk)
        except httpx.HTTPError as error:
            raise ConnectionClosedError(endpoint_url="", error=error) from None
        whole = b"".join(parts)
        given, self._left = (whole, b"") if amount is None else (whole[:amount], whole[amount:])
        return given

    def stream(self, amount: int = 65_536) -> Iterator[bytes]:
        """All of it in pieces."""
        while piece := self.read(amount):
            yield piece

    def close(self) -> None:
        """Let the connection go."""
        self._stream.close()


class Bucket:
    """Methods raise `SourceError`. To be closed; may be used from several threads, and closed from any.

    `clock` is the store's own, as of its last answer.
    """

    def __init__(self, config: Config, guard: OutgoingGuard) -> None:
        self.place: Place = place_of(config)
        self._transport = GuardedTransport(guard, field="endpoint" if self.place.endpoint else "region")
        self._signed = bool(config.get("access_key"))
        if bool(config.get("secret_key")) != self._signed:
            field = "secret_key" if self._signed else "access_key"
            raise Refused("An access key and its secret key belong together.", field=field)
        self._client = _client(config, self.place, signed=self._signed)
        self._client.meta.events.register("before-send.s3", self._send)
        self._closed = threading.Event()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.clock = datetime.now(UTC)

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let every connection go: whoever waits for one is told that it has ended."""
        self._closed.set()
        for each in list(self._sockets):
            with suppress(OSError):
                if each.fileno() >= 0:
                    hang_up(each.fileno())  # closing alone would not wake who waits for an answer
        self._transport.close()
        self._client.close()

    def objects(self, prefix: str, most: int | None = None) -> Iterator[Object]:
        """Files whose keys begin so, by key; of folders there are none."""
        for page in self._pages(prefix, "", most):
            for each in page.get("Contents", ()):
                if not each["Key"].endswith("/"):
                    yield _object(each)

    def level(self, prefix: str) -> tuple[list[str], list[Object]]:
        """What is directly in a folder: the folders in it, with a slash at their ends, and the files."""
        folders: list[str] = []
        files: list[Object] = []
        for page in self._pages(prefix, "/", None):
            folders += [each["Prefix"] for each in page.get("CommonPrefixes", ())]
            files += [_object(each) for each in page.get("Contents", ()) if not each["Key"].endswith("/")]
        return folders, files

    def get(self, item: Object, start: int, end: int | None = None) -> Any:
        """The bytes of a file from `start` on, up to `end`, of the content that was listed; to be read and closed.

        Raises `Refused`, for another try, when the file has been replaced or deleted meanwhile.
        """
        asked: dict[str, Any] = {"Bucket": self.place.bucket, "Key": item.key}
        if item.etag:
            asked["IfMatch"] = item.etag
        if start or end is not None:
            asked["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            return self._client.get_object(**asked)["Body"]
        except (ClientError, BotoCoreError) as error:
            raise of_store(error, self.place, item.key) from None

    def _pages(self, prefix: str, delimiter: str, most: int | None) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2")
        limits = {"PageSize": most, "MaxItems": most} if most else {}
        asked = {"Bucket": self.place.bucket, "Prefix": prefix, "Delimiter": delimiter}
        try:
            yield from pages.paginate(**asked, PaginationConfig=limits)
        except (ClientError, BotoCoreError) as error:
            raise of_store(error, self.place, None, signed=self._signed) from None

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """In place of botocore's own way out. Its faults are botocore's, so that it tries again as it would."""
        wait = {"connect": _CONNECT_SECONDS, "read": _READ_SECONDS, "write": _READ_SECONDS, "pool": _READ_SECONDS}
        headers = {
            str(name): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        if self._closed.is_set():
            raise unreachable(self.place)
        said = {"timeout": wait, "trace": self._note}
        body = request.body if isinstance(request.body, bytes) else None
        asked = httpx.Request(request.method, request.url, headers=headers, content=body, extensions=said)
        try:
            answer = self._transport.handle_request(asked)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EndpointConnectionError(endpoint_url=self.place.site, error=error) from None
        except httpx.TimeoutException as error:
            raise ReadTimeoutError(endpoint_url=self.place.site, error=error) from None
        except httpx.HTTPError as error:
            raise ConnectionClosedError(endpoint_url=self.place.site, error=error) from None
        except RuntimeError as error:  # closed in the meantime
            raise HTTPClientError(error=error) from None
        told = dict(answer.headers.items())
        with suppress(ValueError, TypeError):
            self.clock = parsedate_to_datetime(told.get("date", "")).astimezone(UTC)
        return AWSResponse(request.url, answer.status_code, told, Body(answer))

    def _note(self, event: str, about: Mapping[str, Any]) -> None:
        """Keep the sockets of connections, as they are made."""
        if event in _CONNECTED:
            self._sockets.add(about["return_value"].get_extra_info("socket"))


def _object(listed: Mapping[str, Any]) -> Object:
    return Object(listed["Key"], listed["Size"], listed["LastModified"].astimezone(UTC), listed.get("ETag", ""))


def _client(config: Config, place: Place, *, signed: bool) -> Any:
    style = str(config.get("addressing") or "auto")
    if style == "auto" and place.endpoint and not place.endpoint.endswith(".amazonaws.com"):
        style = "path"
    chosen = BotoConfig(
        signature_version="s3v4" if signed else botocore.UNSIGNED,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        s3={"addressing_style": style},
        ignore_configured_endpoint_urls=True,
        # Stores that are not Amazon's know little of checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        proxies={},
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=place.endpoint or None,
        region_name=place.region,
        aws_access_key_id=config.get("access_key") or None,
        aws_secret_access_key=config.get("secret_key") or None,
        aws_session_token=config.get("session_token") or None,
        config=chosen,
    )
