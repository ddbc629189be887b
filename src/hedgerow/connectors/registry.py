"""The connectors there are, by their type's name."""

from collections.abc import Iterable, Iterator

from hedgerow.connectors.base import Connector


class Connectors:
    """A registry; `app.py` fills it."""

    def __init__(self, connectors: Iterable[Connector] = ()) -> None:
        self._by_type: dict[str, Connector] = {}
        for connector in connectors:
            self.register(connector)

    def register(self, connector: Connector) -> None:
        """Add a connector; each type has one."""
        source_type = connector.declaration.source_type
        if source_type in self._by_type:
            raise ValueError(f"there is a connector for {source_type}")
        self._by_type[source_type] = connector

    def get(self, source_type: str) -> Connector | None:
        """The connector of a type, `None` where there is none."""
        return self._by_type.get(source_type)

    def __iter__(self) -> Iterator[Connector]:
        return iter(self._by_type.values())
