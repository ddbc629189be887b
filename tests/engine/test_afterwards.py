"""Work that is done once for all who ask for it."""

import threading
import time

from hedgerow.engine.pool import Afterwards


def test_it_is_done_once_for_all_who_ask_before_it_begins() -> None:
    done, began = [], threading.Event()
    afterwards = Afterwards(lambda: (done.append(1), began.set()), 0.05)
    for _ in range(100):
        afterwards.ask()
    assert began.wait(10)
    afterwards.close()
    assert len(done) == 1


def test_it_is_done_again_for_who_asks_later() -> None:
    done = threading.Semaphore(0)
    afterwards = Afterwards(done.release, 0.001)
    for _ in range(3):
        afterwards.ask()
        assert done.acquire(timeout=10)
    afterwards.close()


def test_nothing_is_done_after_the_end() -> None:
    done: list[int] = []
    afterwards = Afterwards(lambda: done.append(1), 60)
    afterwards.ask()
    afterwards.close()
    afterwards.ask()
    assert not done
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_the_end_waits_for_what_is_being_done() -> None:
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        time.sleep(0.1)
        ended.set()

    afterwards = Afterwards(work, 0)
    afterwards.ask()
    assert began.wait(10)
    afterwards.close()
    assert ended.is_set()
