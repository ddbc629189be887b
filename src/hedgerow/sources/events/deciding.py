"""Which of the events that wait tell of a row's newest state; the others are passed over, whenever they came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hedgerow.sources.events.records import KeptEvent, Newest


@dataclass(slots=True)
class Decision:
    """Events by what is done with them. Of `asked`, the row is asked for at the remote."""

    put: list[KeptEvent] = field(default_factory=list)
    gone: list[KeptEvent] = field(default_factory=list)
    asked: list[KeptEvent] = field(default_factory=list)
    passed: list[int] = field(default_factory=list)


def decide(events: Sequence[KeptEvent], newest: Mapping[str, Newest], covered: int) -> Decision:
    """`events` in the order of their arrival; `newest` is in the table, and so is all that happened before `covered`.

    Remotes count in seconds. Where two states of a row are of the same one, nothing tells which of them is newer, so
    the remote is asked.
    """
    decision = Decision()
    by_row: dict[str, list[KeptEvent]] = {}
    for event in events:
        by_row.setdefault(event.row_key, []).append(event)
    for key, told in by_row.items():
        known = newest.get(key)
        latest = max(event.at for event in told)
        if latest < covered or (known is not None and latest < known.at):
            decision.passed += [event.id for event in told]
            continue
        equal = [event for event in told if event.at == latest]
        states = {event.digest for event in equal}
        if known is not None and known.at == latest:
            states.add(known.digest)
        last = equal[-1]
        decision.passed += [event.id for event in told if event is not last]
        if len(states) > 1 or not last.sure:
            decision.asked.append(last)
        elif known is not None and known.at == latest:
            decision.passed.append(last.id)  # it is in the table already
        else:
            (decision.gone if last.gone else decision.put).append(last)
    return decision
