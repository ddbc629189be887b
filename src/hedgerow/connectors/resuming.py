"""Reads that can be gone on with after they were broken off: batches, and places between them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from hedgerow.connectors.base import Ask, Config, Refused

Place = Mapping[str, Any]
"""Where a read goes on, as JSON: its connector's own words."""


class Moved(Refused):
    """A read cannot go on at its place: the remote's rows lie otherwise by now. Read all of them."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Onward:
    """`place` is where to go on, `None` at the beginning. Another place is given soon after `due` has said so.

    `cursor`, where the table is synced by one, may tell which rows were changed; it need not order them.
    """

    place: Place | None
    due: Callable[[], bool]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A batch, or a place: whoever has all batches up to it may go on from there, in another read.

    `changed`: its rows may have been given before the place in an older form, to be replaced by the remote's own key.
    """

    batch: pa.RecordBatch | None = None
    place: Place | None = None
    changed: bool = False


@runtime_checkable
class Resumable(Protocol):
    """A connector whose reads of some tables can be gone on with."""

    def steps(self, config: Config, ask: Ask, onward: Onward) -> Iterator[Step]:
        """All rows, in any order; of a table that cannot be gone on with, without any place.

        Gone on with, a read gives all rows that were not given before the place, and (`changed`, before all others)
        those that are not as they were given; so both together are the rows of its own moment, and rows that were
        deleted since. A remote whose reads are not of one moment anyhow (`Declaration.snapshot`) need not tell what was
        changed. Raises `Moved` where that cannot be done.
        """
