"""Dates as dashboards give them: `-7d`, `mStart`, `-1yEnd`, or an ISO date."""

import re
from datetime import UTC, datetime, timedelta

from hedgerow.language.query.errors import QueryFault

_RELATIVE = re.compile(r"-?(\d{0,6})([hdwmqy])(Start|End)?\Z")
_HOURS = {"h": 1, "d": 24, "w": 168}
_MONTHS = {"m": 1, "q": 3, "y": 12}
_LONGEST = 40


def instant(text: str, now: datetime, *, end: bool = False) -> datetime:
    """The instant that a text means, in UTC; a date without a time that ends a range is the end of that day.

    Without `Start` or `End`, days and longer units begin at midnight. Raises `QueryFault`.
    """
    try:
        if len(text) <= _LONGEST and (found := _RELATIVE.match(text)):
            return _moved(now, int(found[1] or 0), found[2], found[3])
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
        parsed = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
        return parsed + timedelta(days=1) if end and len(text) == len("2026-01-31") else parsed
    except (ValueError, OverflowError) as error:
        raise QueryFault(f"{text[:_LONGEST]} is not a date: use -7d, mStart, or 2026-01-31") from error


def _moved(now: datetime, count: int, unit: str, edge: str | None) -> datetime:
    moved = now - timedelta(hours=count * _HOURS[unit]) if unit in _HOURS else _by_months(now, -count * _MONTHS[unit])
    begin = moved.replace(minute=0, second=0, microsecond=0)
    if unit == "h":
        span = timedelta(hours=1)
        return moved if edge is None else begin if edge == "Start" else begin + span - timedelta(microseconds=1)
    begin = begin.replace(hour=0)
    if edge is None:
        return begin
    begin = _period_begin(begin, unit)
    if edge == "Start":
        return begin
    following = begin + timedelta(hours=_HOURS[unit]) if unit in _HOURS else _by_months(begin, _MONTHS[unit])
    return following - timedelta(microseconds=1)


def _period_begin(day: datetime, unit: str) -> datetime:
    if unit == "w":
        return day - timedelta(days=day.weekday())
    if unit == "m":
        return day.replace(day=1)
    if unit == "q":
        return day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1)
    return day.replace(day=1, month=1) if unit == "y" else day


def _by_months(day: datetime, months: int) -> datetime:
    """The same day of another month, or the last that month has."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = day.replace(year=year, month=month + 1, day=1)
    following = first.replace(year=year + (month == 11), month=(month + 1) % 12 + 1)
    return first.replace(day=min(day.day, (following - timedelta(days=1)).day))
