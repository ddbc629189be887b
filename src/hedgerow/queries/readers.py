"""What reads tables and views from outside the rooms that keep those: told to them by who introduces the rooms."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery


@dataclass(frozen=True, slots=True)
class Reader:
    """Something with a query, such as version `version` of the endpoint `name`, and the names that its text reads.

    `compiled` compiles it against a catalog that may be another than there is; raises `InvalidInput`.
    """

    kind: str
    id: UUID
    name: str
    version: int
    reads: frozenset[str]
    compiled: Callable[[Catalog], CompiledQuery]


Readers = Callable[[Session, int], list[Reader]]
"""All of a project that can be asked, within a transaction."""
