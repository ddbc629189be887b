"""What a view reads goes away or changes, before its run or meanwhile: its last table serves, the reason is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.processes import start_server
from tests.support.view_desk import COUNTED, ENDLESS, FEW, PROJECT, VIEWS, Desk, states, until

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_LONG = 60_000_000
"""Takes half a second or more to count."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parents") / "home"


@pytest.fixture(scope="module")
def desk(home: Path) -> Iterator[Desk]:
    key = token("phx_")
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false"}
    with start_server(home, environment) as server, server.client(key) as client:
        yield Desk(client)


def test_a_parent_is_dropped_while_its_child_runs(desk: Desk, home: Path) -> None:
    desk.upload("more", b"m\n7\n")
    desk.count_to(FEW)
    parent = desk.made("parent", "select m from more")
    child = desk.made("child", f"select c.n as n, p.m as m from ({COUNTED}) as c cross join parent as p")
    desk.count_to(_LONG)
    desk.run(child)
    desk.builds(home)
    refused = desk.client.delete(f"{VIEWS}/{parent}")
    assert (refused.status_code, "child" in refused.text) == (400, True)
    assert desk.client.delete(f"{VIEWS}/{parent}?force=true").status_code == 204
    # What it began with stays until it has ended.
    desk.ends(child, "Completed")
    assert desk.rows("select n >= 59000000, m from child") == [[1, 7]]
    desk.run(child)
    assert "Unknown table `parent`" in desk.ends(child, "Failed")["error"]
    assert desk.rows("select m from child") == [[7]]
    desk.count_to(FEW)
    desk.save("parent", "select m + 1 as m from more")
    desk.run(child)
    desk.ends(child, "Completed")
    assert desk.rows("select n, m from child") == [[FEW, 8]]


def test_a_table_is_dropped_while_a_view_of_it_runs(desk: Desk, home: Path) -> None:
    table = desk.upload("short_lived", b"m\n1\n2\n")
    desk.count_to(_LONG)
    view = desk.save("reader", f"select c.n as n, s.m as m from ({COUNTED}) as c cross join short_lived as s")
    desk.run(view)
    desk.builds(home)
    assert desk.client.delete(f"{PROJECT}/warehouse_tables/{table}").status_code == 204
    desk.ends(view, "Completed")
    assert desk.rows("select m from reader order by m") == [[1], [2]]
    desk.run(view)
    assert "Unknown table `short_lived`" in desk.ends(view, "Failed")["error"]


def test_a_parent_is_dropped_while_its_child_waits(desk: Desk, home: Path) -> None:
    desk.count_to(FEW)
    top = desk.made("top", COUNTED)
    waits = desk.made("waits", "select n + 1 as n from top")
    desk.count_to(ENDLESS)
    desk.run(top, waits)
    desk.builds(home)
    assert desk.client.delete(f"{VIEWS}/{top}?force=true").status_code == 204
    assert "top, which it reads, was not refreshed (cancelled)" in desk.ends(waits, "Skipped")["error"]
    until(lambda: "building" not in states(home))
    assert desk.rows("select n from waits") == [[FEW + 1]]


def test_a_parent_changes_while_its_child_runs_and_before(desk: Desk, home: Path) -> None:
    desk.upload("wide", b"id,city\n1,Rome\n")
    desk.count_to(_LONG)
    parent = desk.save("changing", "select id, city from wide")
    child = desk.save("of_changing", f"select c.n as n, p.city as city from ({COUNTED}) as c cross join changing as p")
    star = desk.made("star", "select * from changing")
    desk.run(child)
    desk.builds(home)
    desk.change(parent, "select id from wide")
    # It was begun with the old one and is whole.
    desk.ends(child, "Completed")
    assert desk.rows("select city from of_changing") == [["Rome"]]
    desk.count_to(FEW)
    desk.run(child, star)
    assert "city" in desk.ends(child, "Failed")["error"]
    assert desk.rows("select city from of_changing") == [["Rome"]]
    desk.ends(star, "Completed")
    assert desk.rows("select * from star") == [[1]]
    assert [column["key"] for column in desk.get(star)["columns"]] == ["id"]
    # Another type below: the next run has it, and the columns say so.
    desk.upload("wide", b"id,city\nx,Oslo\n")
    desk.change(parent, "select id, city from wide")
    desk.run(child, star)
    desk.ends(child, "Completed")
    desk.ends(star, "Completed")
    assert desk.rows("select city from of_changing") == [["Oslo"]]
    assert desk.rows("select * from star") == [["x", "Oslo"]]
    assert [(column["key"], column["type"]) for column in desk.get(star)["columns"]] == [
        ("id", "string"),
        ("city", "string"),
    ]
