"""Which of a table's files were given before a read was broken off, and whether they are what they were."""

import hashlib
from collections.abc import Sequence

from hedgerow.connectors.resuming import Moved, Place
from hedgerow.connectors.s3.client import Object


class Given:
    """The first `count` of a table's files, in their order. Raises `Moved` where a place tells of others."""

    def __init__(self, files: Sequence[Object], place: Place | None) -> None:
        self.count, self._mark = 0, hashlib.sha256()
        if place is not None:
            for item in files[: place["files"]]:
                self.add(item)
            if self.place != place:
                raise Moved("Files that were read already are others by now.")

    def add(self, item: Object) -> None:
        """The next file, once all of its rows were given."""
        told = (item.key, item.modified.isoformat(), item.size, item.etag)
        self._mark.update(repr(told).encode())
        self.count += 1

    @property
    def place(self) -> Place:
        """Behind them."""
        return {"files": self.count, "mark": self._mark.hexdigest()}
