"""What rooms beside this one are asked: who has a name, and what else reads views."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hedgerow.queries.readers import Reader, Readers


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`table_taken`: whether a warehouse table has a name; `readers`: endpoints with what they read."""

    table_taken: Callable[[Session, int, str], bool]
    readers: Readers

    def reading(self, session: Session, project_id: int, names: Collection[str]) -> list[Reader]:
        """The endpoints whose own text reads one of those names."""
        return [reader for reader in self.readers(session, project_id) if not reader.reads.isdisjoint(names)]
