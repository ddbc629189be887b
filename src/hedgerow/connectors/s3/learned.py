"""What is known of files that were looked at since the process began: one content has its columns for good."""

import threading
from collections import OrderedDict
from collections.abc import Mapping

import pyarrow as pa

from hedgerow.connectors.s3.client import Object
from hedgerow.connectors.s3.reading.widening import Schema

_MOST = 100_000
Identity = tuple[str, str, str, int]


class Learned:
    """By a file's place and content, under one way of reading it."""

    def __init__(self) -> None:
        self._files: OrderedDict[Identity, Schema] = OrderedDict()
        self._alike: dict[tuple[tuple[str, pa.DataType], ...], Schema] = {}
        self._lock = threading.Lock()

    def of(self, way: str, item: Object) -> Schema | None:
        """The columns of a file; `None` for one that was not looked at."""
        with self._lock:
            return self._files.get(_identity(way, item))

    def add(self, way: str, item: Object, schema: Mapping[str, pa.DataType]) -> Schema:
        """Keep what a file has; files with the same columns share it."""
        with self._lock:
            if len(self._files) >= _MOST:
                self._files.clear()
                self._alike.clear()
            kept = self._alike.setdefault(tuple(schema.items()), schema)
            self._files[_identity(way, item)] = kept
            return kept


def _identity(way: str, item: Object) -> Identity:
    return way, item.key, item.etag or item.modified.isoformat(), item.size
