"""Runs from the cache beyond so many a second: each is counted, and the rest of a second has one line together."""

from dataclasses import dataclass, field

from hedgerow.endpoints.journal.entries import Noted
from hedgerow.endpoints.journal.wording import Line, line_of

_Like = tuple[int, int, bytes]


@dataclass(slots=True)
class _Crowd:
    """Runs alike: of one caller, version and result. `micros`: how long each took."""

    first: Noted
    micros: list[int]


@dataclass(slots=True)
class Crowds:
    """Of one flush. The first `most` runs from the cache have a line each; a line for every further one would cost
    more than the run itself, and push all others out of the log within seconds."""

    most: int
    _seen: int = 0
    _crowds: dict[_Like, _Crowd] = field(default_factory=dict)

    def takes(self, entry: Noted) -> bool:
        """Whether the run goes into a crowd, instead of having a line of its own."""
        answer = entry.answer
        if answer is None or not answer[2] or entry.error is not None:
            return False
        self._seen += 1
        if self._seen <= self.most:
            return False
        like = id(entry.principal), id(entry.version), answer[1]
        crowd = self._crowds.get(like)
        if crowd is None:
            # It is kept, and with it what the ids are of.
            crowd = self._crowds[like] = _Crowd(entry, [])
        crowd.micros.append(int(entry.seconds * 1e6))
        return True

    def lines(self) -> list[tuple[Noted, Line, list[int]]]:
        """A run of each crowd, the crowd's line, and how long each of its runs took."""
        return [(crowd.first, _line(crowd), crowd.micros) for crowd in self._crowds.values()]


def _line(crowd: _Crowd) -> Line:
    line, count = line_of(crowd.first), len(crowd.micros)
    return line if count == 1 else line | {"message": f"{line['message']} · and {count - 1} more runs like this one"}
