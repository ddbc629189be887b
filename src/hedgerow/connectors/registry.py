"""The connectors there are, by their type's name; each is made when its type is first asked for."""

import threading
from collections.abc import Callable, Iterator, Mapping

from hedgerow.connectors.base import Connector

Makers = Mapping[str, Callable[[], Connector]]
"""By type. A maker imports what it needs: all drivers together would take longer than the rest of a start."""


class Connectors:
    """A registry; `app.py` says of what."""

    def __init__(self, makers: Makers) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Connector] = {}
        self._making = threading.Lock()

    def get(self, source_type: str) -> Connector | None:
        """The connector of a type, `None` where there is none; raises `ValueError` for one that is of another type."""
        found = self._made.get(source_type)
        if found is not None or source_type not in self._makers:
            return found
        with self._making:
            if source_type not in self._made:
                made = self._makers[source_type]()
                if made.declaration.source_type != source_type:
                    raise ValueError(f"the connector of {source_type} is one of {made.declaration.source_type}")
                self._made[source_type] = made
            return self._made[source_type]

    @property
    def types(self) -> list[str]:
        """The names of the types, in order; makes no connector."""
        return sorted(self._makers)

    def __iter__(self) -> Iterator[Connector]:
        for source_type in self._makers:
            if (found := self.get(source_type)) is not None:
                yield found
