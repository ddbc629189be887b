"""Files in a bucket: tables of CSV, JSON and Parquet files, and whole Delta and Iceberg tables."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa

from hedgerow.connectors.base import Ask, Config, Refused, RemoteTable
from hedgerow.connectors.resuming import Moved, Onward, Step
from hedgerow.connectors.s3.client import Bucket
from hedgerow.connectors.s3.declaration import DECLARATION
from hedgerow.connectors.s3.files import FileTable
from hedgerow.connectors.s3.learned import Learned
from hedgerow.connectors.s3.place import before_pattern
from hedgerow.connectors.s3.tables import Listing, listings
from hedgerow.connectors.watching import Watch
from hedgerow.kit.outgoing import OutgoingGuard

_LOOKERS = 4


class _Table(Protocol):
    def found(self) -> RemoteTable: ...

    def rows(self, ask: Ask) -> Iterator[pa.RecordBatch]: ...


class S3Connector:
    """Keeps `base.Connector` and `resuming.Resumable`."""

    declaration = DECLARATION

    def __init__(self, guard: OutgoingGuard) -> None:
        self._guard, self._learned = guard, Learned()

    def check(self, config: Config) -> None:
        with Bucket(config, self._guard) as bucket:
            prefix = before_pattern(bucket.place.path)
            if next(bucket.objects(prefix, most=1), None) is None:
                raise Refused(f"Bucket {bucket.place.bucket} has no file at this address.", field="url")
            listings(bucket, config, "")  # what is said of tables can be understood

    def discover(self, config: Config) -> Sequence[RemoteTable]:
        with Bucket(config, self._guard) as bucket:
            found = listings(bucket, config)
            with ThreadPoolExecutor(_LOOKERS, "hedgerow-tables") as pool:
                return list(pool.map(lambda each: self._shown(bucket, config, each), found))

    def find(self, config: Config, name: str) -> RemoteTable | None:
        """One table: the others' files need not be looked at."""
        with Bucket(config, self._guard) as bucket:
            found = listings(bucket, config, name)
            return self._table(bucket, config, found[0], Watch()).found() if found else None

    def read(self, config: Config, ask: Ask) -> Iterator[pa.RecordBatch]:
        with self._opened(config, ask) as table:
            yield from table.rows(ask)

    def steps(self, config: Config, ask: Ask, onward: Onward) -> Iterator[Step]:
        """As `resuming.Resumable` says: tables of files, behind the last that was given whole."""
        with self._opened(config, ask) as table:
            if isinstance(table, FileTable):
                yield from table.steps(ask, onward)
            elif onward.place is not None:
                raise Moved("It is a table of other files by now.")
            else:
                yield from map(Step, table.rows(ask))

    @contextmanager
    def _opened(self, config: Config, ask: Ask) -> Iterator[_Table]:
        with Bucket(config, self._guard) as bucket, ask.watch.ending(bucket.close):
            found = listings(bucket, config, ask.table)
            if not found:
                raise Refused(f"There are no files of a table {ask.table}.")
            yield self._table(bucket, config, found[0], ask.watch)

    def _shown(self, bucket: Bucket, config: Config, listing: Listing) -> RemoteTable:
        """A table among others: what cannot be read of it is told there, and where it is synced."""
        try:
            return self._table(bucket, config, listing, Watch()).found()
        except Refused as fault:
            if fault.retryable or fault.field is not None:
                raise
            return RemoteTable(listing.name, (), description=fault.text)

    def _table(self, bucket: Bucket, config: Config, listing: Listing, watch: Watch) -> _Table:
        # The libraries of lakes take longer to load than everything else here.
        if listing.kind == "delta":
            from hedgerow.connectors.s3.lakes import delta

            return delta.table(bucket, config, listing, watch)
        if listing.kind == "iceberg":
            from hedgerow.connectors.s3.lakes import iceberg

            return iceberg.table(bucket, config, listing, watch)
        return FileTable(bucket, config, listing, self._learned, watch)
