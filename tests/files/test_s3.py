"""Files in a bucket keep the rules of all places, on a real S3 server."""

from collections.abc import AsyncIterator

import pytest

from hedgerow.files import Files, FilesUnavailable
from hedgerow.files.s3 import S3Files
from tests.conformance.files import FilesConformance
from tests.support.buckets import Bucket
from tests.support.processes import free_port


class TestS3Files(FilesConformance):
    @pytest.fixture
    async def files(self, bucket: Bucket) -> AsyncIterator[Files]:
        files = S3Files(bucket.files_url)
        yield files
        await files.close()


class TestS3FilesUnderPrefix(FilesConformance):
    @pytest.fixture
    async def files(self, bucket: Bucket) -> AsyncIterator[Files]:
        bucket.put("elsewhere", "not ours")
        files = S3Files(bucket.files_url.replace("?", "/deep/prefix?"))
        yield files
        await files.close()


@pytest.mark.anyio
async def test_a_bucket_that_is_not_there_is_not_ready(bucket: Bucket) -> None:
    files = S3Files(bucket.files_url.replace(bucket.name, "no-such-bucket"))
    assert not await files.ready()


@pytest.mark.anyio
async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    files = S3Files(f"s3://key:secret@127.0.0.1:{free_port()}/bucket?tls=false")
    with pytest.raises(FilesUnavailable) as caught:
        await files.size("a")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://bucket", "s3://host/bucket", "s3://key:secret@host", "s3://key@host/bucket"])
def test_an_address_without_its_parts_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="s3://key:secret@host/bucket"):
        S3Files(url)
