"""How far behind a log is read: what is told of it, and when its slot is given up for the remote's sake."""

from enum import StrEnum

from hedgerow.connectors.changes import LogState
from hedgerow.sources.logs.records import ChangeLog

_MB = 1 << 20


class Level(StrEnum):
    """By the log's two thresholds."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"


class TooFarBehind(Exception):
    """The remote keeps more than it may; the text says how much."""


def level(log: ChangeLog, state: LogState) -> Level:
    """How bad it is."""
    lag = state.lag_bytes or 0
    if lag >= log.critical_mb * _MB:
        return Level.CRITICAL
    return Level.WARNING if lag >= log.warning_mb * _MB else Level.OK


def warning(log: ChangeLog, state: LogState) -> str | None:
    """What is told while it is bad; raises `TooFarBehind` where the slot is ours to drop, and to be dropped."""
    found = level(log, state)
    if found is Level.OK:
        return None
    kept = f"The server keeps {(state.lag_bytes or 0) // _MB:,} MB of its log for the replication slot"
    if found is Level.WARNING:
        return f'{kept} "{log.slot_name}". From {log.critical_mb:,} MB on that is critical.'
    text = f'{kept} "{log.slot_name}", which is more than the {log.critical_mb:,} MB that are critical.'
    if log.drops_slot:
        raise TooFarBehind(f"{text} The slot was dropped, so that the server's disk does not fill up.")
    return f"{text} Its disk may fill up: drop the slot, or see why nobody reads it."
