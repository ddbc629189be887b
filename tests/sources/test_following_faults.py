"""Random changes, kills at any moment, servers that restart: afterwards both sides hold the same rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hedgerow.sources.changes import packing
from tests.sources.conftest import rows
from tests.sources.following import cdc, connect, settled, theirs, until
from tests.sources.killing import Killed
from tests.sources.workload import MAKE, OURS, TELL, THEIRS, Workload, compared
from tests.support import packing_always
from tests.support.apps import Api, MakeApi
from tests.support.packing_always import BEGUN, DONE

_OTHERS = "select id, amount from postgres_others order by id"


@pytest.fixture
def database(logged_url: str) -> Any:
    with psycopg.connect(logged_url, autocommit=True) as connection:
        connection.execute(MAKE)
        yield connection


@pytest.fixture
def api(make_app: MakeApi, database: psycopg.Connection[Any]) -> Api:
    """An application that ends before the database it follows."""
    return make_app()


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables are packed all the time; their names as they are."""
    monkeypatch.setattr(packing, "FEWEST", 0)
    monkeypatch.setattr(packing, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(packing, "MORE", 0)
    names, whole = [], packing.Packing.packed

    async def noted(*given: Any) -> Any:
        made = await whole(*given)
        if made is not None:
            names.append(made.physical)
        return made

    monkeypatch.setattr(packing.Packing, "packed", noted)
    return names


@pytest.mark.parametrize("seed", [4, 5])
def test_random_changes_are_followed_while_tables_are_packed(
    packed: list[str], api: Api, database: psycopg.Connection[Any], logged_url: str, seed: int
) -> None:
    work = Workload(database, seed)
    source = connect(api, logged_url, cdc("things"), cdc("others"))
    settled(api, source, "things", "others")
    for _ in range(8):
        before = len(packed)
        for _ in range(30):
            work.step()
        until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
        until(lambda: rows(api, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
        until(lambda before=before: len(packed) > before)  # type: ignore[misc]
    assert compared(rows(api, OURS)) == compared(theirs(database, THEIRS))
    settled(api, source, "things", "others")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_changes_are_followed_row_for_row(
    api: Api, database: psycopg.Connection[Any], logged_url: str, seed: int
) -> None:
    work = Workload(database, seed)
    source = connect(api, logged_url, cdc("things"), cdc("others"))
    for number in range(250):  # some of them before, while and after the tables are read
        work.step()
        if number == 100:
            settled(api, source, "things", "others")
    until(lambda: compared(rows(api, OURS)) == compared(theirs(database, THEIRS)))
    until(lambda: rows(api, _OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))
    settled(api, source, "things", "others")


def test_a_transaction_larger_than_memory_should_hold_is_whole_or_not_there(
    api: Api, database: psycopg.Connection[Any], logged_url: str
) -> None:
    source = connect(api, logged_url, cdc("others"))
    settled(api, source, "others")
    database.execute("UPDATE others SET amount = 1; INSERT INTO others SELECT i, 1 FROM generate_series(100, 400000) i")
    counts = set()

    def counted() -> int:
        ((count,),) = rows(api, "select count() from postgres_others")
        counts.add(count)
        return int(count)

    until(counted, 50 + 399_901)
    assert counts <= {50, 50 + 399_901}
    assert rows(api, "select sum(amount) from postgres_others") == [[50 + 399_901]]


@pytest.fixture
def killed(tmp_path: Path, logged_url: str) -> Iterator[Killed]:
    """A server that follows the database, changes of that, and kills at random moments."""
    found = Killed(tmp_path / "home", logged_url)
    yield found
    found.close()


def test_kills_at_any_moment_lose_and_double_nothing(killed: Killed, database: psycopg.Connection[Any]) -> None:
    killed.start(write=True)
    killed.connect(cdc("things"), cdc("others"))
    killed.kill_now_and_then()
    until(lambda: compared(killed.rows(OURS)) == compared(theirs(database, THEIRS)))
    until(lambda: killed.rows(_OTHERS), theirs(database, _OTHERS.replace("postgres_", "")))


def test_kills_lose_and_double_no_change_of_a_history_that_is_packed(
    killed: Killed, database: psycopg.Connection[Any]
) -> None:
    """What the history tells is what triggers of the database wrote down."""
    database.execute(TELL)
    killed.start(packing_always.__name__)
    killed.connect(cdc("things", cdc_table_mode="both"))
    until(lambda: len(killed.rows(OURS)), 200)
    killed.write()
    killed.kill_now_and_then(BEGUN, 0.0, 1.0)
    until(lambda: compared(killed.rows(OURS)) == compared(theirs(database, THEIRS)))
    until(lambda: DONE in killed.log)
    assert compared(killed.rows(OURS)) == compared(theirs(database, THEIRS))
    open_rows = OURS.replace("postgres_things", "postgres_things_cdc where valid_to is null and not _ph_deleted")
    assert compared(killed.rows(open_rows)) == compared(theirs(database, THEIRS))
    told = "select id, part, _ph_cdc_op, count() from postgres_things_cdc where _ph_cdc_log_position is not null"
    changes = sorted(killed.rows(f"{told} group by 1, 2, 3 limit 50000"))
    assert changes == sorted(theirs(database, "SELECT id, part, op, count(*) FROM told GROUP BY 1, 2, 3")) != []
