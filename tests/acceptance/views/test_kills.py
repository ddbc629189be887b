"""A server killed while it makes views into tables: what is there serves, runs are done again, nothing is left over."""

import random
import time
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.processes import Server, start_server
from tests.support.view_desk import COUNTED, ENDLESS, FEW, Desk, built, engine_tables, states

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_KEY = token("phx_")
_ENVIRONMENT = {"HEDGEROW_BOOTSTRAP_KEY": _KEY, "HEDGEROW_THROTTLE": "false"}


def _kill(server: Server) -> None:
    server.process.kill()
    server.process.wait()


def test_a_run_that_dies_with_its_process_again_and_again_fails_and_the_table_serves(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with start_server(home, _ENVIRONMENT) as server:
        with server.client(_KEY) as client:
            desk = Desk(client)
            desk.count_to(FEW)
            view = desk.made("counted", COUNTED)
            desk.count_to(ENDLESS)
            desk.run(view)
            desk.builds(home)
        _kill(server)
    for attempt in (2, 3):
        assert states(home) == ["building", "live"]
        with start_server(home, _ENVIRONMENT) as server:
            with server.client(_KEY) as client:
                desk = Desk(client)
                # Taken over at once, and begun anew in a table of its own.
                assert desk.rows("select n from counted") == [[FEW]]
                assert (desk.get(view)["status"], len(desk.history(view))) == ("Running", 2)
                desk.builds(home)
                assert states(home) == ["building", "live"], attempt
            _kill(server)
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        desk = Desk(client)
        assert "begun several times" in desk.ends(view, "Failed")["error"]
        assert desk.get(view)["status"] == "Failed"
        assert desk.rows("select n from counted") == [[FEW]]
        assert states(home) == ["live"]
        desk.count_to(5)
        desk.run(view)
        desk.ends(view, "Completed")
        assert desk.rows("select n from counted") == [[5]]
    assert set(engine_tables(home)) <= {name for name, _ in built(home)}


def test_whenever_it_is_killed_a_whole_table_serves_and_the_run_is_done(tmp_path: Path) -> None:
    home, chance, count = tmp_path / "home", random.Random(), FEW
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        desk = Desk(client)
        desk.count_to(count)
        views = [desk.made("parent", COUNTED), desk.made("child", "select n * 2 as n from parent")]
        moment = _killed_in_a_run(desk, server, views, count + 1, chance)
    for count in range(FEW + 1, FEW + 4):
        with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
            desk = Desk(client)
            assert desk.rows("select n from parent")[0][0] in {count - 1, count}, moment
            assert desk.rows("select n from child")[0][0] in {(count - 1) * 2, count * 2}, moment
            for view in views:
                desk.ends(view, "Completed")
            both = "select n from parent union all select n from child"
            assert sorted(desk.rows(both)) == [[count], [count * 2]], moment
            assert "building" not in states(home), moment
            moment = _killed_in_a_run(desk, server, views, count + 1, chance)
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        for view in views:
            Desk(client).ends(view, "Completed")
    assert set(engine_tables(home)) <= {name for name, _ in built(home)}
    assert states(home).count("live") == 2


def _killed_in_a_run(desk: Desk, server: Server, views: list[str], count: int, chance: random.Random) -> float:
    """Kill it some moment after it was asked to run both; the seconds."""
    moment = chance.uniform(0, 0.25)
    desk.count_to(count)
    desk.run(*views)
    time.sleep(moment)
    _kill(server)
    return moment
