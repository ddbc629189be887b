"""The parameters of the overview's routes, and how they are refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow.kit.errors import InvalidInput

LIMIT, MOST = 20, 50
CUTOFF_DAYS, _MOST_DAYS = 30, 36_500
DAYS, _SPANS = 7, (1, 7, 30)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_MOST_OFFSET = 2**31 - 1


class BadParameter(InvalidInput):
    """A parameter makes no sense: clients of these routes look for `error`."""

    def body(self) -> dict[str, Any]:
        return {**super().body(), "error": self.detail}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list: `offset` to skip, then at most `limit`, of the last `cutoff_days` (`None`: of all)."""

    limit: int
    offset: int
    cutoff_days: int | None

    def link(self, step: int) -> str:
        """The query of the part so many before or after this one."""
        days = "" if self.cutoff_days is None else f"&cutoff_days={self.cutoff_days}"
        return f"?limit={self.limit}&offset={max(0, self.offset + step * self.limit)}{days}"


def part(limit: str | None, offset: str | None) -> Part:
    """A part of all there is; raises `BadParameter`."""
    return _part("Invalid limit or offset parameter", limit, offset, None)


def recent_part(limit: str | None, offset: str | None, cutoff_days: str | None) -> Part:
    """A part of what the last days have; raises `BadParameter`."""
    names = "Invalid limit, offset, or cutoff_days parameter"
    days = _number(names, "cutoff_days", cutoff_days, CUTOFF_DAYS)
    if not 0 <= days <= _MOST_DAYS:
        raise BadParameter(names, attr="cutoff_days")
    return _part(names, limit, offset, days)


def span(days: str | None, spans: Sequence[int] = _SPANS) -> int:
    """How many days statistics are of; raises `BadParameter`."""
    text = "Invalid days parameter. Must be 1, 7, or 30."
    found = _number(text, "days", days, DAYS)
    if found not in spans:
        raise BadParameter(text, attr="days")
    return found


def _part(text: str, limit: str | None, offset: str | None, days: int | None) -> Part:
    size, skipped = _number(text, "limit", limit, LIMIT), _number(text, "offset", offset, 0)
    if size < 1:
        raise BadParameter(text, attr="limit")
    return Part(min(size, MOST), min(max(skipped, 0), _MOST_OFFSET), days)


def _number(text: str, name: str, given: str | None, default: int) -> int:
    if given is None:
        return default
    if not _WHOLE.fullmatch(given.strip()):
        raise BadParameter(text, attr=name)
    return int(given)
