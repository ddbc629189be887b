"""The one clock: aware UTC instants, and how the API writes them."""

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def of_unix(seconds: float) -> datetime:
    """The instant so many seconds after 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def iso(instant: datetime) -> str:
    """`2026-01-31T09:00:00.000001Z`: aware instants only."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
