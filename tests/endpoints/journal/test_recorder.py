"""The recorder: what runs note is written behind them, and is neither lost nor piled up without end."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from hedgerow.endpoints.journal import shelf
from hedgerow.endpoints.journal.recorder import Recorder
from hedgerow.endpoints.journal.rows import USAGE
from hedgerow.endpoints.journal.shelf import Log, Wanted
from hedgerow.endpoints.journal.sums import Sums
from hedgerow.endpoints.journal.sweeping import Sweeper
from hedgerow.endpoints.journal.wording import Line, without
from hedgerow.endpoints.records import Endpoint, Version
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.web.access import Principal

pytestmark = pytest.mark.anyio
AT = datetime(2026, 1, 1, tzinfo=UTC)
VERSION = Version(uuid4(), 1, {}, "", 86_400, True, None, (), 1, AT, AT, None)
ENDPOINT = Endpoint(uuid4(), 1, "e", True, 1, None, (), 1, AT, AT, None, VERSION)
WHO = Principal(1, "key", None)
FACTS = orjson.dumps({"path": "inline", "reason": None, "row_count": 3})
ALL = Wanted(500)


def ran(recorder: Recorder, endpoint: Endpoint = ENDPOINT, kept: bool = True) -> str:
    identifier = str(uuid4())
    with recorder.begin(WHO, endpoint) as noted:
        noted.version = VERSION
        noted.answer = identifier, FACTS, kept
    return identifier


def kept(store: Store, endpoint: Endpoint = ENDPOINT) -> list[str]:
    with store.read() as session:
        return [row.instance_id for row in shelf.page(session, endpoint.id, ALL)]


class Broken:
    """A sink that fails until it is mended."""

    def __init__(self) -> None:
        self.whole, self.lines, self.runs = False, 0, 0

    def write(self, lines: Sequence[Line], sums: Sequence[Sequence[int | str]]) -> None:
        if not self.whole:
            raise OSError("full")
        self.lines += len(lines)
        self.runs += sum(int(row[6]) for row in sums)


async def test_lines_are_written_as_they_are(store: Store) -> None:
    recorder = Recorder(Log(store))
    identifier = ran(recorder)
    with suppress(InvalidInput), recorder.begin(WHO, ENDPOINT) as noted:
        noted.executing = True
        raise InvalidInput("no 'quotes' \0 hurt; ünïcode neither")
    assert kept(store) == []
    await recorder.close()
    with store.read() as session:
        failed, row = shelf.page(session, ENDPOINT.id, ALL)
    assert (row.instance_id, row.level, row.path, row.cached) == (identifier, "INFO", "inline", True)
    assert (row.version, row.row_count, row.status, row.error, row.project_id) == (1, 3, 200, None, 1)
    assert (row.caller_kind, row.caller) == ("personal_key", "key")
    assert abs(row.at / 1e6 - time.time()) < 60
    assert failed.message.endswith("no 'quotes'  hurt; ünïcode neither")
    assert (failed.status, failed.error, failed.row_count, failed.cached) == (400, "invalid_input", None, False)


async def test_a_request_that_was_given_up_is_a_warning(sqlite_store: Store) -> None:
    recorder = Recorder(Log(sqlite_store))

    async def run() -> None:
        with recorder.begin(WHO, ENDPOINT):
            await asyncio.sleep(60)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await recorder.flush()
    with sqlite_store.read() as session:
        (row,) = shelf.page(session, ENDPOINT.id, ALL)
    assert (row.level, row.status, row.error) == ("WARN", 499, "cancelled")
    await recorder.close()


async def test_what_could_not_be_written_is_written_later_and_in_order(sqlite_store: Store) -> None:
    recorder = Recorder(Log(sqlite_store))
    first = ran(recorder)
    with sqlite_store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE endpoint_logs RENAME TO hidden")
    with pytest.raises(Exception, match="endpoint_logs"):
        await recorder.flush()
    second = ran(recorder)
    with sqlite_store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden RENAME TO endpoint_logs")
    await recorder.close()
    assert kept(sqlite_store) == [second, first]
    assert recorder.dropped == 0


async def test_a_store_that_takes_nothing_does_not_fill_the_memory() -> None:
    sink = Broken()
    recorder = Recorder(sink, most=100)
    for _ in range(1_000):
        ran(recorder)
    with pytest.raises(OSError, match="full"):
        await recorder.flush()
    for _ in range(50):
        ran(recorder)
    with pytest.raises(OSError, match="full"):
        await recorder.flush()
    sink.whole = True
    await recorder.close()
    assert sink.lines + recorder.dropped == 1_050
    assert sink.lines <= 101
    # The sums miss only what was dropped before anybody could look at it.
    assert sink.runs >= sink.lines


async def test_whoever_asks_for_a_flush_may_go_away(sqlite_store: Store) -> None:
    recorder = Recorder(Log(sqlite_store))
    runs = [ran(recorder) for _ in range(200)]
    task = asyncio.create_task(recorder.flush())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await recorder.close()
    assert sorted(kept(sqlite_store)) == sorted(runs)


async def test_what_is_old_or_too_much_is_forgotten(store: Store) -> None:
    sweeper = Sweeper(store, days=10, most=4)
    recorder = Recorder(Log(store), hear=sweeper.hear)
    other = replace(ENDPOINT, id=uuid4())
    alone = ran(recorder, other)
    runs = [ran(recorder) for _ in range(6)]
    await recorder.close()
    assert await asyncio.to_thread(sweeper.sweep) == 2
    assert kept(store) == runs[:1:-1]
    assert kept(store, other) == [alone]
    with store.write() as session:
        for row in shelf.page(session, other.id, ALL):
            row.at = shelf.micros(now() - timedelta(days=11))
    assert await asyncio.to_thread(sweeper.sweep) == 1
    assert kept(store, other) == []


async def test_a_cached_run_pays_little() -> None:
    """A microsecond or two; what is refused here is ten, as machines differ."""
    sink = Broken()
    recorder = Recorder(sink)
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(2_000):
            with recorder.begin(WHO, ENDPOINT) as noted:
                noted.answer = "", FACTS, True
        best = min(best, (time.perf_counter() - began) / 2_000)
    assert best < 10e-6
    print(f"{best * 1e6:.2f} µs")
    sink.whole = True
    await recorder.close()


@given(value=st.text(min_size=1, max_size=40), before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_four_characters_of_a_value_are_shown(value: str, before: str, after: str) -> None:
    shown = without(f"{before} '{value}' {after}", {"v": [value]})
    assert not any(value[n : n + 4] in part for part in shown.split("…") for n in range(max(0, len(value) - 3)))


@pytest.mark.parametrize(
    ("detail", "values", "shown"),
    [
        ("Cannot parse 'acme' here", {"v": "acme"}, "Cannot parse '…' here"),
        ("Cannot parse 'acme-c': x", {"v": "acme-corporation"}, "Cannot parse '…': x"),
        ("7 is more than 77", {"v": 7}, "… is more than 77"),
        ("nothing of it", {"v": None, "w": True, "x": []}, "nothing of it"),
        ("anything", {"v": [str(n) for n in range(1_001)]}, "…"),
    ],
)
def test_values_are_taken_out_of_texts(detail: str, values: Any, shown: str) -> None:
    assert without(detail, values) == shown


async def test_a_crowd_from_the_cache_has_one_line_and_every_run_is_counted(store: Store) -> None:
    recorder = Recorder(Log(store))
    for _ in range(700):
        ran(recorder)
    other = replace(WHO, key_id="other")
    for _ in range(3):
        with recorder.begin(other, ENDPOINT) as noted:
            noted.version, noted.answer = VERSION, (str(uuid4()), FACTS, True)
    made = ran(recorder, kept=False)
    await recorder.close()
    with store.read() as session:
        lines = shelf.page(session, ENDPOINT.id, ALL)
        runs, cached = session.execute(select(func.sum(USAGE.c.runs), func.sum(USAGE.c.cached))).one()
    assert (int(runs), int(cached)) == (704, 703)
    assert len(lines) == 203
    crowds = {line.caller: line.message for line in lines if "like this one" in line.message}
    assert crowds["key"].endswith("and 499 more runs like this one")
    assert crowds["other"].endswith("and 2 more runs like this one")
    assert made in [line.instance_id for line in lines]


@given(st.lists(st.integers(0, 20_000_000), min_size=1, max_size=30))
def test_runs_alike_add_up_as_one_by_one(micros: list[int]) -> None:
    line = {
        "project_id": 1, "endpoint_id": "e", "at": 1, "version": 1, "caller_kind": "token", "caller": "c",
        "cached": True, "path": "materialized", "error": None, "row_count": 3, "bytes_read": 9, "duration": micros[0],
    }  # fmt: skip
    together, apart = Sums(), Sums()
    together.add(line, micros)
    for each in micros:
        apart.add(line | {"duration": each})
    assert together.take() == apart.take()
