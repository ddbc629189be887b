"""A bucket under what networks and other people do: cut, silent, changed while it is read."""

import threading
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, SourceError, Unreachable, Unwanted, Watch
from hedgerow.connectors.s3 import S3Connector
from tests.connectors.s3.conftest import as_parquet, rows
from tests.support.api_server import Answer, ApiServer
from tests.support.buckets import ACCESS_SECRET, Bucket
from tests.support.cutting import way_to

_LINES = 150_000


def _long(kind: str) -> bytes:
    """Some thirty megabytes of rows."""
    words = pa.table({"n": range(_LINES), "word": [f"{n:0200}" for n in range(_LINES)]})
    if kind == "parquet":
        return as_parquet(words, compression="none", row_group_size=20_000, use_dictionary=False)
    if kind == "csv":
        return b"n,word\n" + b"".join(b"%d,w%0200d\n" % (n, n) for n in range(_LINES))
    return b"".join(b'{"n": %d, "word": "%0200d"}\n' % (n, n) for n in range(_LINES))


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_connection_that_is_cut_is_made_again_where_it_was(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, kind: str
) -> None:
    bucket.put(f"t/1.{kind}", _long(kind))
    with way_to(urlsplit(bucket.server).port or 0) as way:
        there = {**config, "endpoint": f"http://127.0.0.1:{way.port}"}
        before = connector.find(there, "t")
        way.cuts, way.after = 2, 400_000
        read = [row["n"] for row in rows(connector, there, "t", found=before)]
        assert way.made == 2
    assert read == list(range(_LINES))


def test_a_store_that_is_gone_for_good_may_be_tried_again(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket
) -> None:
    bucket.put("t/1.csv", _long("csv"))
    with way_to(urlsplit(bucket.server).port or 0) as way:
        there = {**config, "endpoint": f"http://127.0.0.1:{way.port}"}
        before = connector.find(there, "t")
        way.cuts, way.after = 1000, 100
        with pytest.raises(Unreachable):
            list(connector.read(there, Ask("t", found=before)))


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
@pytest.mark.parametrize("what", ["deleted", "replaced"])
def test_a_file_that_changes_while_it_is_read(
    connector: S3Connector, config: dict[str, Any], bucket: Bucket, kind: str, what: str
) -> None:
    """Rows of the file that was and of the one that is would be a mixture: none of them count."""
    bucket.put(f"t/1.{kind}", b"")
    bucket.put(f"t/2.{kind}", _long(kind))
    with way_to(urlsplit(bucket.server).port or 0) as way:
        there = {**config, "endpoint": f"http://127.0.0.1:{way.port}"}
        reading = connector.read(there, Ask("t", batch_rows=1000))
        assert next(reading).num_rows == 1000
        if what == "deleted":
            bucket.client.delete_object(Bucket=bucket.name, Key=f"t/2.{kind}")
        else:
            bucket.put(f"t/2.{kind}", _long(kind)[::-1])
        way.cuts = 1  # what is on its way already is of the old file
        with pytest.raises(Refused, match=f"t/2.{kind} was {what}") as caught:
            list(reading)
        assert caught.value.retryable


def test_a_file_that_goes_before_its_turn(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    for name in ("1", "2", "3"):
        bucket.put(f"t/{name}.csv", "a\n1\n")
    before = connector.find(config, "t")
    reading = connector.read(config, Ask("t", found=before, batch_rows=1))
    assert next(reading).num_rows == 1
    bucket.client.delete_object(Bucket=bucket.name, Key="t/3.csv")
    with pytest.raises(Refused, match=r"t/3\.csv was deleted"):
        list(reading)


def test_a_reader_that_nobody_wants_ends(connector: S3Connector, config: dict[str, Any], bucket: Bucket) -> None:
    bucket.put("t/1.csv", _long("csv"))
    watch = Watch()
    reading = connector.read(config, Ask("t", batch_rows=10, watch=watch))
    next(reading)
    watch.stop()
    with pytest.raises((Unwanted, SourceError)):
        list(reading)


def test_a_store_that_says_nothing_is_left(connector: S3Connector, config: dict[str, Any]) -> None:
    asked, done = threading.Event(), threading.Event()

    def silent(_asked: Any) -> Answer:
        asked.set()
        done.wait(30)
        return Answer(b"")

    server = ApiServer()
    server.route("GET", "/silent.*", silent)
    watch = Watch()
    ended: list[BaseException] = []

    def read() -> None:
        try:
            list(connector.read({**config, "url": "s3://silent", "endpoint": server.url}, Ask("t", watch=watch)))
        except BaseException as error:
            ended.append(error)

    with server.running():
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert asked.wait(20)
        watch.stop()
        thread.join(20)
        done.set()
    assert not thread.is_alive()
    assert isinstance(ended[0], SourceError | Unwanted)


@pytest.mark.parametrize(
    ("status", "code", "word", "retryable"),
    [
        (503, "SlowDown", "cannot answer now", True),
        (500, "InternalError", "cannot answer now", True),
        (403, "RequestTimeTooSkewed", "may not list", False),
        (400, "ExpiredToken", "session token has expired", False),
        (400, "AuthorizationHeaderMalformed", "another region", False),
        (400, "<script>", "refused", False),
    ],
)
def test_what_stores_say_is_told_without_secrets(
    connector: S3Connector, config: dict[str, Any], status: int, code: str, word: str, retryable: bool
) -> None:
    said = (
        f"<Error><Code>{code.replace('<', '&lt;')}</Code><Message>{ACCESS_SECRET} is wrong</Message></Error>".encode()
    )
    server = ApiServer()
    server.route("GET", "/some", lambda _asked: Answer(said, status))
    with server.running(), pytest.raises(SourceError, match=word) as caught:
        connector.check({**config, "url": "s3://some", "endpoint": server.url})
    assert caught.value.retryable is retryable
    assert ACCESS_SECRET not in caught.value.text
    assert "script" not in caught.value.text
