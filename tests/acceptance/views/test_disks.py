"""A disk that fills up while a view is made into a table: the reason is told, the last table serves, it recovers."""

from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.disks import fill
from tests.support.processes import start_server
from tests.support.view_desk import FEW, VIEWS, Desk, engine_tables, states, until

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_NOISE = (
    "select sipHash64(number) as a, sipHash64(number + 1) as b from numbers(100000000) "
    "where number < (select max(n) from t)"
)
"""Sixteen bytes a row that cannot be made smaller."""


def test_a_full_disk_fails_the_run_and_the_last_table_serves(small_disk: Path) -> None:
    key, home = token("phx_"), small_disk / "home"
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_THROTTLE": "false"}
    with start_server(home, environment) as server, server.client(key) as client:
        desk = Desk(client)
        desk.count_to(FEW)
        view = desk.made("noise", _NOISE)
        desk.count_to(50_000_000)
        desk.run(view)
        run = desk.ends(view, "Failed", 120)
        assert run["error"].endswith("The query engine has no disk space left.")
        assert desk.get(view)["latest_error"] == run["error"]
        assert desk.rows("select count() from noise") == [[FEW]]
        until(lambda: states(home) == ["live"])

        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space left"):
            fill(ballast)
        assert desk.rows("select count() from noise") == [[FEW]]
        while (answer := client.post(f"{VIEWS}/{view}/run")).is_success:
            pass  # the metadata store's log has some room yet
        assert (answer.status_code, answer.json()["code"]) == (503, "no_space"), answer.text
        assert desk.rows("select count() from noise") == [[FEW]]
        ballast.unlink()

        # Whatever of it was written down goes on by itself, or is called off.
        assert client.post(f"{VIEWS}/{view}/cancel").status_code in {200, 400}
        desk.count_to(5)
        desk.run(view)
        desk.ends(view, "Completed", 120)
        assert desk.rows("select count() from noise") == [[5]]
    assert len(engine_tables(home)) <= 2
