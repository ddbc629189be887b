"""Lanes: a few threads for quick work, and room beside them for work that turned out slow."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Task = tuple[object, Future[Any], Callable[[], Any]]
"""The place it takes, who waits for it, and what to do."""


class Lanes:
    """Runs functions on threads: at most `quick` young ones at once, at most `total` in all.

    What runs longer than `patience` seconds gives its quick place to the next in line, so slow work never holds up fast
    work until `total` is reached. `waiting` more may queue; `submit` then raises `Full`.
    """

    class Full(Exception):
        """Neither a place nor a place in line is free."""

    def __init__(self, quick: int, total: int, waiting: int = 1000, patience: float = 0.25) -> None:
        self._quick, self._total, self._limit, self._patience = quick, total, waiting, patience
        self._lock = threading.Condition()
        self._line: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._young: dict[object, float] = {}
        self._old = 0
        self._closed = False
        self._threads: list[threading.Thread] = []
        # The last to have worked is the next to work: what it needs is still in the processor's memory.
        self._idle: list[SimpleQueue[_Task | None]] = []
        self._watch: threading.Thread | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` as soon as there is a place; a future that was cancelled in line never starts."""
        future: Future[T] = Future()
        with self._lock:
            if len(self._line) >= self._limit:
                raise Lanes.Full
            self._line.append((future, work))
            self._fill()
        return future

    @property
    def running(self) -> int:
        """How many functions run now."""
        return len(self._young) + self._old

    def close(self) -> None:
        """Take nothing more, and wait for what runs."""
        with self._lock:
            self._closed = True
            for future, _ in self._line:
                future.cancel()
            self._line.clear()
            while self._idle:
                self._idle.pop().put(None)
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()

    def _fill(self) -> None:
        while self._line and len(self._young) < self._quick and len(self._young) + self._old < self._total:
            future, work = self._line.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            place = object()
            self._young[place] = time.monotonic()
            self._begin((place, future, work))
        if self._line and self._watch is None and not self._closed:
            self._watch = threading.Thread(target=self._demote, name="engine-lanes", daemon=True)
            self._watch.start()

    def _begin(self, task: _Task) -> None:
        if self._idle:
            self._idle.pop().put(task)
            return
        thread = threading.Thread(target=self._serve, args=(task,), name="engine", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self, task: _Task | None) -> None:
        inbox: SimpleQueue[_Task | None] = SimpleQueue()
        while task is not None:
            place, future, work = task
            del task
            self._do(place, future, work, inbox)
            del place, future, work
            task = inbox.get()

    def _do(
        self, place: object, future: Future[Any], work: Callable[[], Any], inbox: "SimpleQueue[_Task | None]"
    ) -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as caught:  # the future carries it to whoever waits
            error = caught
        with self._lock:
            if self._young.pop(place, None) is None:
                self._old -= 1
            if self._closed:
                inbox.put(None)
            else:
                self._idle.append(inbox)
                self._fill()
        # Last of all: whoever waits wants the interpreter at once.
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def _demote(self) -> None:
        """While there is a line: take slow work out of the quick places."""
        with self._lock:
            while self._line and not self._closed:
                self._lock.wait(self._patience / 4)
                limit = time.monotonic() - self._patience
                for place in [p for p, began in self._young.items() if began < limit]:
                    del self._young[place]
                    self._old += 1
                self._fill()
            self._watch = None
