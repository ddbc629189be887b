"""A server killed while it makes a table bit by bit: no row is lost, none is there twice."""

import random
import time
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.processes import start_server
from tests.support.view_desk import VIEWS, Desk, built, engine_tables, states

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_KEY = token("phx_")
_ENVIRONMENT = {"HEDGEROW_BOOTSTRAP_KEY": _KEY, "HEDGEROW_THROTTLE": "false"}
_FIRST, _MORE = 2_000_000, 1_000_000
_NUMBERS = "select number as id, number % 10 as part from numbers(10000000) where number < (select max(n) from t)"


def _grown(desk: Desk, parent: str, count: int) -> None:
    """The parent has so many rows."""
    desk.count_to(count)
    desk.run(parent)
    desk.ends(parent, "Completed")


def _held(desk: Desk) -> list[int]:
    """How many rows the model has, how many ids, and the last of those."""
    found: list[int] = desk.rows("select count(), uniqExact(id), max(id) + 1 from model")[0]
    return found


def test_whenever_it_is_killed_each_row_is_there_once(tmp_path: Path) -> None:
    home, chance, count = tmp_path / "home", random.Random(), _FIRST
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        desk = Desk(client)
        desk.count_to(count)
        parent = desk.made("parent", _NUMBERS)
        settings = {"incremental_key": "id", "unique_key": ["id"], "lookback_seconds": 1_000}
        model = desk.save("model", "select id, part from parent", incremental=settings)
        desk.run(model)
        desk.ends(model, "Completed")
    for _ in range(2):
        moment = chance.uniform(0.0, 0.8)
        with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
            desk = Desk(client)
            _grown(desk, parent, count + _MORE)
            desk.run(model)
            time.sleep(moment)
            server.process.kill()
            server.process.wait()
        with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
            desk = Desk(client)
            assert _held(desk) in ([count] * 3, [count + _MORE] * 3), moment
            count += _MORE
            assert desk.ends(model, "Completed")["mode"] == "incremental", moment
            assert _held(desk) == [count] * 3, moment
            assert "building" not in states(home), moment
            # And whole, it is the same.
            client.post(f"{VIEWS}/{model}/run", json={"full_refresh": True}).raise_for_status()
            assert desk.ends(model, "Completed")["mode"] == "full"
            assert _held(desk) == [count] * 3
    assert set(engine_tables(home)) <= {name for name, _ in built(home)}
