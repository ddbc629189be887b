"""What is known of columns that nothing declares, from all reads since the process began."""

import threading
from collections import OrderedDict
from collections.abc import Mapping

from hedgerow.connectors.rest.kinds import Seen

_MOST = 2000


class Memory:
    """By a text that names a table of a source. Columns are never forgotten, only whole tables that were not used."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, dict[str, Seen]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, table: str) -> dict[str, Seen] | None:
        """What is known of a table's columns, a copy; `None` for one that was not looked at yet."""
        with self._lock:
            found = self._tables.get(table)
            return None if found is None else {name: seen.copy() for name, seen in found.items()}

    def add(self, table: str, seen: Mapping[str, Seen]) -> dict[str, Seen]:
        """Take more in; what is known now, a copy."""
        with self._lock:
            kept = self._tables.setdefault(table, {})
            for name, each in seen.items():
                kept.setdefault(name, Seen()).merge(each)
            self._tables.move_to_end(table)
            while len(self._tables) > _MOST:
                self._tables.popitem(last=False)
            return {name: each.copy() for name, each in kept.items()}
