"""Views in files, by the command line against the real process."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hedgerow.kit.ids import token
from tests.support.command_line import Run, runner
from tests.support.processes import start_server
from tests.support.view_desk import VIEWS, Desk

pytestmark = pytest.mark.acceptance
_KEY = token("phx_")
_ORDERS = b"id,customer,amount,day\n1,acme,120.5,2026-01-03\n2,acme,80,2026-01-04\n3,globex,42,2026-01-04\n"
_DAILY = "-- one row per day\nselect day, count() as orders, sum(amount) as total\nfrom orders\ngroup by day\n"
_SETTINGS = """\
# The finance page reads it.
description: Orders and revenue per day.
materialized: true
sync_frequency: 6hour
checks:
  - {kind: unique, column: day}   # days do not repeat
  - name: no empty day
    kind: custom_sql
    severity: warn
    query: select day from finance.daily where orders < 1
"""


def test_from_files_to_tables_and_back(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    models = repository / "models"
    (models / "finance").mkdir(parents=True)
    (models / "finance" / "daily.sql").write_text(_DAILY)
    (models / "finance" / "daily.yml").write_text(_SETTINGS)
    (models / "best.sql").write_text("select max(total) as best from finance.daily\n")
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": _KEY}) as server, server.client(_KEY) as client:
        desk = Desk(client)
        desk.upload("orders", _ORDERS)
        run = runner("models", repository, HEDGEROW_URL=server.url, HEDGEROW_KEY=_KEY, HEDGEROW_PROJECT="1")
        _delivered_once(run, desk)
        _pulled_elsewhere_and_back(run, repository)
        _drawn(run, repository)
        _made_bit_by_bit(run, models, desk)
        _planned_before_it_breaks(run, models, desk)
        _mistakes_have_places(run, models)
        _changed_by_somebody_else(run, models, desk)
        _deleted_with_its_file(run, models, desk)


def _delivered_once(run: Run, desk: Desk) -> None:
    told = "+ finance.daily: create (table)\n    + check unique\n    + check no empty day\n+ best: create (view)\n"
    assert run("push", "--dry-run") == (0, told, "")
    assert desk.client.get(VIEWS).json()["count"] == 0
    assert run("push") == (0, told, "")
    assert run("run") == (0, "● finance.daily: completed  2 rows\n", "")
    assert desk.rows("select best from best") == [[122]]
    views = {view["name"]: view for view in desk.client.get(VIEWS).json()["results"]}
    assert (views["finance.daily"]["sync_frequency"], views["best"]["is_materialized"]) == ("6hour", False)
    assert run("push") == (0, "= finance.daily: unchanged\n= best: unchanged\n", "")
    assert run("diff") == (0, "", "")


def _pulled_elsewhere_and_back(run: Run, repository: Path) -> None:
    before = {path: path.read_bytes() for path in repository.rglob("*.*")}
    assert run("pull") == (0, "unchanged models/best.sql\nunchanged models/finance/daily.sql\n", "")
    assert {path: path.read_bytes() for path in repository.rglob("*.*")} == before
    assert run("pull", "--into", "copy")[1] == "created   copy/best.sql\ncreated   copy/finance/daily.sql\n"
    assert (repository / "copy" / "finance" / "daily.sql").read_text() == _DAILY
    assert not (repository / "copy" / "best.yml").exists()
    assert run("push", "copy") == (0, "= finance.daily: unchanged\n= best: unchanged\n", "")
    assert run("diff", "copy") == (0, "", "")


def _drawn(run: Run, repository: Path) -> None:
    status, told, _ = run("graph", "--svg", "graph.svg")
    lines = [line.split() for line in told.splitlines()]
    assert status == 0
    assert lines[1][:4] == ["0", "·", "orders", "source"]
    assert lines[2][:5] == ["1", "●", "finance.daily", "table", "6hour"]
    assert lines[3] == ["2", "·", "best", "view", "finance.daily"]
    drawing = ET.parse(repository / "graph.svg").getroot()
    texts = {"".join(each.itertext()) for each in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"orders", "finance.daily", "best", "Models of project 1"} <= texts
    assert len([each for each in drawing.iter() if each.get("class") == "edge"]) == 2
    assert "orders" not in run("graph", "nothing")[1]
    assert run("graph", "nothing")[2] == "hedgerow: The project has no view nothing.\n"


def _made_bit_by_bit(run: Run, models: Path, desk: Desk) -> None:
    file, settings = models / "rows.sql", models / "rows.yml"
    file.write_text("select id, amount, toDate(day) as day from orders\n")
    settings.write_text("materialized: true\nincremental: {incremental_key: day, lookback_seconds: 86400}\n")
    assert run("push")[1].splitlines()[-1] == "+ rows: create (table)"
    assert run("diff") == (0, "", "")
    assert run("pull", "rows") == (0, "unchanged models/rows.sql\n", "")
    settings.write_text("materialized: true\n")
    assert run("push")[1].splitlines()[-1].startswith("    incremental: {'incremental_key': 'day'")
    assert run("diff") == (0, "", "")
    settings.write_text("materialized: true\nincremental: {incremental_key: nothing}\n")
    status, _, fault = run("push")
    assert (status, fault.startswith("hedgerow: models/rows.yml:2: incremental")) == (1, True), fault
    file.unlink()
    settings.unlink()
    assert run("push", "--prune", "--yes")[1].splitlines()[-1] == "- rows: delete"


def _planned_before_it_breaks(run: Run, models: Path, desk: Desk) -> None:
    file = models / "finance" / "daily.sql"
    file.write_text(_DAILY.replace("sum(amount) as total", "avg(amount) as mean"))
    status, told, _ = run("push", "--dry-run")
    assert status == 0
    for line in (
        "~ finance.daily: change",
        "    + column mean float",
        "    - column total float",
        "    BREAKS best: Invalid query: Unable to resolve field: total",
    ):
        assert line in told.splitlines()
    status, told, _ = run("diff")
    assert status == 1
    assert "-select day, count() as orders, sum(amount) as total\n+select day" in told
    file.write_text(_DAILY.replace("group by", "where id < 3 group by"))
    assert run("push")[0] == 0
    # Its table was that of another text: the push runs it.
    assert run("run")[1] == "● finance.daily: completed  2 rows\n"
    assert desk.rows("select sum(orders) from finance.daily") == [[2]]


def _mistakes_have_places(run: Run, models: Path) -> None:
    (models / "wrong.sql").write_text("select 1 as a\nfro orders\n")
    (models / "finance" / "daily.yml").write_text(_SETTINGS.replace("materialized", "materialised"))
    (models / "lonely.yml").write_text("materialized: true\n")
    status, told, faults = run("push")
    assert (status, told) == (1, "")
    assert faults.splitlines() == [
        "hedgerow: models/finance/daily.yml:3: materialised: there is no such field",
        "models/wrong.sql:2: Expected the end, found 'fro' (line 2, column 1)",
        "models/lonely.yml: there is no lonely.sql beside it",
    ]
    (models / "lonely.yml").unlink()
    (models / "finance" / "daily.yml").write_text(_SETTINGS.replace("column: day", "column: nowhere"))
    (models / "wrong.sql").write_text("select 1 as a,\n  nothing\nfrom orders\n")
    status, _, faults = run("push")
    assert status == 1
    assert sorted(faults.splitlines()) == [
        'hedgerow: models/finance/daily.yml:6: checks.0.column: "finance.daily" has no column "nowhere".',
        "hedgerow: models/wrong.sql: Invalid query: Unable to resolve field: nothing",
    ]
    # A refused check takes none away.
    (models / "wrong.sql").unlink()
    (models / "finance" / "daily.yml").write_text(_SETTINGS)
    assert run("diff") == (0, "", "")
    (models / "a.sql").write_text("select * from b\n")
    (models / "b.sql").write_text("select * from a\n")
    assert run("push")[2] == "hedgerow: Models read each other: a → b → a\n"
    (models / "a.sql").unlink()
    (models / "b.sql").unlink()


def _changed_by_somebody_else(run: Run, models: Path, desk: Desk) -> None:
    best = next(v["id"] for v in desk.client.get(VIEWS).json()["results"] if v["name"] == "best")
    desk.change(best, "select min(total) as best from finance.daily")
    status, told, _ = run("diff")
    assert (status, "-select min(total)" in told) == (1, True)
    assert run("pull")[1].splitlines()[0] == "changed   models/best.sql"
    assert (models / "best.sql").read_text() == "select min(total) as best from finance.daily\n"


def _deleted_with_its_file(run: Run, models: Path, desk: Desk) -> None:
    (models / "finance" / "daily.sql").unlink()
    (models / "finance" / "daily.yml").unlink()
    status, _, fault = run("push", "--prune")
    assert (status, "say --yes" in fault) == (1, True)
    status, _, fault = run("push", "--prune", "--yes")
    assert (status, "best" in fault) == (1, True), fault
    (models / "best.sql").unlink()
    assert run("push", "--prune", "--yes")[1] == "- best: delete\n- finance.daily: delete\n"
    assert desk.client.get(VIEWS).json()["count"] == 0
