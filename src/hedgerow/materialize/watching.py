"""Since when tables that nobody may need are as they are, by this process's own steady clock."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime


class Watch:
    """Tables by the state and the instant of their rows. Instants are compared with themselves alone, never with a
    clock: machines need not agree on the time, and it may jump."""

    def __init__(self, patience: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._seen: dict[str, tuple[tuple[str, datetime], float]] = {}

    def idle(self, rows: Mapping[str, tuple[str, datetime]]) -> set[str]:
        """Those of `rows` that have not changed for as many seconds as their state's patience, since first seen."""
        moment, seen = self._clock(), {}
        for table, row in rows.items():
            known = self._seen.get(table)
            seen[table] = known if known and known[0] == row else (row, moment)
        self._seen = seen
        return {table for table, (row, since) in seen.items() if moment - since >= self._patience[row[0]]}
