"""Lanes: a few quick places, slow work beside them, a line that has an end."""

import threading
import time

import pytest

from hedgerow.engine.lanes import Lanes


def test_slow_work_gives_its_place_away() -> None:
    lanes = Lanes(quick=2, total=8, patience=0.05)
    stop = threading.Event()
    slow = [lanes.submit(stop.wait) for _ in range(4)]
    assert lanes.submit(lambda: 7).result(timeout=5) == 7
    stop.set()
    assert all(future.result(timeout=5) for future in slow)
    lanes.close()


def test_no_more_than_all_places_run_at_once() -> None:
    lanes = Lanes(quick=2, total=3, patience=0.01)
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.03)
        with lock:
            running -= 1

    for future in [lanes.submit(work) for _ in range(20)]:
        future.result(timeout=10)
    assert most <= 3
    lanes.close()


def test_a_full_line_refuses() -> None:
    lanes = Lanes(quick=1, total=1, waiting=2)
    stop = threading.Event()
    lanes.submit(stop.wait)
    time.sleep(0.05)
    waiting = [lanes.submit(lambda: 1) for _ in range(2)]
    with pytest.raises(Lanes.Full):
        lanes.submit(lambda: 1)
    stop.set()
    assert [future.result(timeout=5) for future in waiting] == [1, 1]
    lanes.close()


def test_cancelled_work_in_line_never_runs() -> None:
    lanes = Lanes(quick=1, total=1)
    stop, ran = threading.Event(), threading.Event()
    lanes.submit(stop.wait)
    time.sleep(0.02)
    waiting = lanes.submit(ran.set)
    assert waiting.cancel()
    stop.set()
    lanes.close()
    assert not ran.is_set()


def test_a_fault_reaches_whoever_waits() -> None:
    lanes = Lanes(quick=1, total=1)
    with pytest.raises(ZeroDivisionError):
        lanes.submit(lambda: 1 / 0).result(timeout=5)
    assert lanes.submit(lambda: 2).result(timeout=5) == 2
    lanes.close()


def test_a_thread_works_again_and_ends_with_its_lanes() -> None:
    lanes, before = Lanes(quick=4, total=8), set(threading.enumerate())
    stop = threading.Event()
    slow = [lanes.submit(stop.wait) for _ in range(3)]
    workers = set()
    for _ in range(20):
        workers.add(lanes.submit(threading.current_thread).result(timeout=5))
        time.sleep(0.005)  # until it waits for more
    assert len(workers) == 1
    stop.set()
    assert all(future.result(timeout=5) for future in slow)
    assert len(set(threading.enumerate()) - before) == 4
    lanes.close()
    assert set(threading.enumerate()) <= before


def test_whoever_is_told_may_ask_again_at_once() -> None:
    lanes, told = Lanes(quick=1, total=1), list[int]()
    done = threading.Event()

    def again(_: object) -> None:
        told.append(1)
        if len(told) < 200:
            lanes.submit(lambda: None).add_done_callback(again)
        else:
            done.set()

    lanes.submit(lambda: None).add_done_callback(again)
    assert done.wait(10)
    lanes.close()
