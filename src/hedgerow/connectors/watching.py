"""Between whoever wants rows and the thread that reads them: whether they are wanted still, and how many have come."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class Unwanted(Exception):
    """Nobody wants the rows any more: stop reading, and let go of the remote."""


class Watch:
    """`stop` may come from any thread, at any time. `told` is called with the rows that were set aside so far."""

    def __init__(self, told: Callable[[int], None] = lambda _rows: None) -> None:
        self._told = told
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._ends: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Let `check` raise from now on, and end what the remote is busy with. May block for a moment."""
        self._stopped.set()
        with self._lock:
            for end in self._ends:
                with suppress(Exception):  # the remote may be gone, and the thread sees that for itself
                    end()

    def check(self) -> None:
        """Raise `Unwanted` when nobody wants more. For loops that go on for long between two batches."""
        if self._stopped.is_set():
            raise Unwanted

    def pause(self, seconds: float) -> None:
        """Wait so long, or until nobody wants more."""
        self._stopped.wait(seconds)
        self.check()

    def aside(self, rows: int) -> None:
        """Say how many rows have come that are no batches yet; raises as `check` does."""
        self.check()
        self._told(rows)

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Within the block `stop` calls `end`, which makes a silent remote's answer come or break off."""
        with self._lock:
            self._ends.append(end)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._ends.remove(end)
