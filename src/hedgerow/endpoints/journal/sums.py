"""Sums of runs by hour, endpoint, version and caller, gathered in memory until they are written."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hedgerow.endpoints.journal.wording import Line

HOUR = 3_600
BUCKETS = 32
"""Of durations: the first ends at 50 µs, each further one lasts half as long again; the last takes all beyond 14 s."""
_FIRST, _FACTOR = 50.0, 1.5
_MOST_CALLERS = 1_000
COUNTS = ("runs", "cached", "materialized", "errors", "row_count", "bytes_read", "duration")
"""What is summed up, beside the buckets: runs of each sort, rows answered, bytes the engine read, microseconds."""
_LOG = math.log(_FACTOR)
Key = tuple[int, str, int, int, str, str]
"""Project, endpoint, hour since 1970, version, the kind of caller and the caller."""


@dataclass(slots=True)
class Sums:
    """What has been added since it was taken last."""

    _sums: dict[Key, list[int]] = field(default_factory=dict)
    _callers: dict[tuple[str, int], set[str]] = field(default_factory=dict)

    def add(self, line: Line, micros: Sequence[int] = ()) -> None:
        """Add a run; or, with `micros`, as many like it, which took so long each."""
        hour = line["at"] // 1_000_000 // HOUR
        kind, endpoint = line["caller_kind"], line["endpoint_id"]
        caller = self._counted(endpoint, hour, line["caller"]) if kind == "token" else line["caller"]
        key = line["project_id"], endpoint, hour, line["version"], kind, caller
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = [0] * (len(COUNTS) + BUCKETS)
        took = micros or (line["duration"],)
        runs = len(took)
        sums[0] += runs
        sums[1] += runs * line["cached"]
        sums[2] += runs * (line["path"] == "materialized" and line["error"] is None)
        sums[3] += runs * (line["error"] is not None)
        sums[4] += runs * (line["row_count"] or 0)
        sums[5] += 0 if line["cached"] else runs * line["bytes_read"]
        sums[6] += sum(took)
        for each in took:
            sums[len(COUNTS) + bucket(each)] += 1

    def take(self) -> list[Sequence[int | str]]:
        """A row each, key and sums; they are no longer here."""
        taken, self._sums = self._sums, {}
        return [(*key, *sums) for key, sums in taken.items()]

    def give_back(self, rows: Iterable[Sequence[int | str]]) -> None:
        """Add what was taken and could not be written."""
        for row in rows:
            key, counted = row[:6], row[6:]
            present = self._sums.setdefault(key, [0] * len(counted))  # type: ignore[arg-type]
            for place, number in enumerate(counted):
                present[place] += number  # type: ignore[operator]

    def _counted(self, endpoint: str, hour: int, caller: str) -> str:
        """The caller, or nobody in particular when an hour has seen too many: each is a row of its own."""
        known = self._callers.get((endpoint, hour))
        if known is None:
            self._callers = {key: seen for key, seen in self._callers.items() if key[1] >= hour - 1}
            known = self._callers[endpoint, hour] = set()
        if caller not in known and len(known) >= _MOST_CALLERS:
            return ""
        known.add(caller)
        return caller


def bucket(micros: int) -> int:
    """The bucket of a duration."""
    return 0 if micros <= _FIRST else min(BUCKETS - 1, 1 + int(math.log(micros / _FIRST) / _LOG))


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """The duration, in microseconds, that so large a share stays below: right within its bucket; `None` of nothing."""
    wanted, seen = share * sum(buckets), 0
    for place, count in enumerate(buckets):
        if count and seen + count >= wanted:
            low = 0.0 if place == 0 else _FIRST * _FACTOR ** (place - 1)
            high = _FIRST * _FACTOR**place
            return low + (high - low) * (wanted - seen) / count
        seen += count
    return None
