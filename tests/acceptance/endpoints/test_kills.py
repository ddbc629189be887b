"""A server killed while it makes tables of versions: answers stay right, what was begun is done, nothing is left."""

import os
import random
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from hedgerow.kit.ids import token
from tests.support.built_tables import built, busy, embedded_tables, states, until
from tests.support.endpoint_desk import SLOW, Desk, query
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]
_KEY = token("phx_")
_ENVIRONMENT = {"HEDGEROW_BOOTSTRAP_KEY": _KEY, "HEDGEROW_THROTTLE": "false"}
_ROUNDS = 6


def _kill(server: Server) -> None:
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()


def test_a_killed_refresh_begins_anew_and_the_other_version_serves(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with start_server(home, _ENVIRONMENT) as server:
        with server.client(_KEY) as client:
            desk = Desk(client)
            desk.prepare()
            assert desk.change(query=query(2, SLOW))["current_version"] == 2
            until(lambda: states(home) == ["building", "live"])
            desk.answers(1)
        _kill(server)
    assert states(home) == ["building", "live"]
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        desk = Desk(client)
        desk.answers(1)
        # Taken over at once, and begun anew in a table of its own.
        until(lambda: desk.status(2)["status"] == "Running")
        until(lambda: states(home) == ["building", "live"])
        desk.change(2, is_materialized=False)
        until(lambda: states(home) == ["live"])
        assert desk.status(2)["status"] is None
        desk.answers(1)


def test_a_refresh_that_dies_with_its_process_each_time_has_failed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        Desk(client).prepare()
        Desk(client).change(query=query(2, SLOW))
        until(lambda: states(home) == ["building", "live"])
        _kill(server)
    for _ in range(2):
        with start_server(home, _ENVIRONMENT) as server:
            until(lambda: states(home) == ["building", "live"])
            _kill(server)
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        desk = Desk(client)
        status = desk.status(2)
        assert (status["status"], "begun several times" in status["error"]) == ("Failed", True)
        assert (busy(home), states(home)) == ([], ["live"])
        desk.answers(1)


def test_whenever_it_is_killed_answers_are_right_and_nothing_is_left(tmp_path: Path) -> None:
    """Versions are made and tables swapped as fast as can be while it is killed."""
    home, chance = tmp_path / "home", random.Random()
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        Desk(client).prepare()
    for _ in range(_ROUNDS):
        with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
            hands = [threading.Thread(target=hand, args=(Desk(client),)) for hand in (_bump, _swap)]
            for hand in hands:
                hand.start()
            time.sleep(chance.uniform(0, 0.8))
            _kill(server)
            for hand in hands:
                hand.join()
    with start_server(home, _ENVIRONMENT) as server, server.client(_KEY) as client:
        desk = Desk(client)
        until(lambda: not busy(home))
        for version in range(1, desk.current() + 1):
            # One whose refresh all kills happened to meet is given up, and answered by the query itself.
            given_up = "begun several times" in (desk.status(version)["error"] or "")
            desk.answers(version, None if given_up else "materialized")
        assert "building" not in states(home)
    assert embedded_tables(home) <= set(built(home))


def _bump(desk: Desk) -> None:
    """Make versions until the server is gone."""
    try:
        plus = desk.current()
        while True:
            plus += 1
            desk.change(query=query(plus))
    except httpx.TransportError:
        pass


def _swap(desk: Desk) -> None:
    """Have version 1 made into other tables, and run it, until the server is gone."""
    try:
        while True:
            for bucket in ("hour", "day"):
                desk.change(1, bucket_overrides={"ts": bucket})
                for _ in range(5):
                    desk.answers(1, path=None)
    except httpx.TransportError:
        pass
