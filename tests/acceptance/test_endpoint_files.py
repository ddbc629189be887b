"""Endpoints in files, by the command line against the real process."""

import json
from pathlib import Path

import httpx
import pytest

from tests.support.command_line import Run, runner
from tests.support.processes import start_server

pytestmark = pytest.mark.acceptance
KEY = "phx_0123456789abcdef0123456789abcdef"
_FILE = """\
# Whoever changes this: the app's first page reads it.
name: orders_per_day
description: Orders of one customer.
query: |
  select day, count() as orders, sum(amount) as total
  from orders
  where customer = {variables.customer}   -- one tenant
  group by day
  order by day
variables:
  customer: {type: String, default: acme}
data_freshness_seconds: 3600
is_materialized: true
tags: [app]
aliases: {stable: 1}
tests:
  - name: a customer with two days
    variables: {customer: acme}
    expect:
      columns: [day, orders, total]
      rows: [["2026-01-03", 1, 120.5], ["2026-01-04", 1, 80]]
  - name: another one
    variables: {customer: globex}
    expect: {row_count: 1, contains: [{total: 42}]}
"""
_CSV = "id,customer,amount,day\n1,acme,120.5,2026-01-03\n2,acme,80,2026-01-04\n3,globex,42,2026-01-04\n"


def test_from_a_file_to_an_answer_and_back(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    file = folder / "endpoints" / "orders.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(_FILE)
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server, server.client(KEY) as client:
        made = client.post(
            "/api/projects/1/warehouse_tables/file/", data={"name": "orders"}, files={"file": ("orders.csv", _CSV)}
        )
        assert made.status_code == 201, made.text
        run = runner("endpoints", folder, HEDGEROW_URL=server.url, POSTHOG_CLI_API_KEY=KEY, HEDGEROW_PROJECT="1")
        _deliver(run, file, client)
        _change(run, file)


def _deliver(run: Run, file: Path, client: httpx.Client) -> None:
    planned = run("push", "--dry-run")
    lines = "+ variable customer: String, acme by default\n+ orders_per_day: create (version 1)\n"
    assert planned == (0, lines, "")
    assert client.get("/api/projects/1/endpoints/").json()["count"] == 0
    assert run("push") == (0, lines, "")
    assert run("push") == (0, "= orders_per_day: unchanged (version 1)\n", "")
    assert run("diff") == (0, "", "")
    code, told, _ = run("test")
    assert (code, told.splitlines()[-1]) == (0, "2 passed, 0 failed")
    assert run("pull") == (0, "unchanged endpoints/orders.yaml\n", "")
    assert file.read_text() == _FILE
    csv = run("run", "orders_per_day", "--variables", "customer=globex", "--format", "csv")
    assert (csv[0], csv[1].splitlines()) == (0, ["day,orders,total", "2026-01-04,1,42"])
    lines = run("run", "orders_per_day", "--variables", "customer=globex", "--format", "ndjson")
    assert json.loads(lines[1]) == {"day": "2026-01-04", "orders": 1, "total": 42}
    listed = run("list")[1].splitlines()
    assert listed[1].split() == "orders_per_day 1 table stable=1 app Orders of one customer.".split()


def _change(run: Run, file: Path) -> None:
    file.write_text(_FILE.replace("count() as orders", "count() + 1 as orders"))
    code, told, _ = run("diff")
    assert (code, "-  select day, count() as orders," in told) == (1, True)
    assert run("push")[:2] == (0, "^ orders_per_day: version (version 2, as the query changes)\n")
    code, told, _ = run("test")
    assert code == 1
    assert '       - ["2026-01-03", 1, 120.5]\n       + ["2026-01-03", 2, 120.5]\n' in told
    assert "FAIL orders_per_day: a customer with two days  endpoints/orders.yaml:17" in told
    code, told, _ = run("diff", "orders_per_day", "--from", "stable", "--variables", "customer=globex")
    assert code == 1
    assert "rows: 1 and 1, 0 in both\n" in told
    # A file that git has never seen: what is pulled there, pushed and pulled again is the same bytes.
    assert run("pull", "--into", "fresh")[0] == 0
    fresh = file.parent.parent / "fresh" / "orders_per_day.yaml"
    content = fresh.read_bytes()
    assert run("push", "fresh")[1] == "= orders_per_day: unchanged (version 2)\n"
    fresh.unlink()
    assert run("pull", "--into", "fresh") == (0, "created   fresh/orders_per_day.yaml\n", "")
    assert fresh.read_bytes() == content
    file.write_text(_FILE.replace("select day", "selec day").replace("rows: [", "rowz: ["))
    code, _, told = run("push")
    assert (code, told) == (1, "hedgerow: endpoints/orders.yaml:21: tests.0.expect.rowz: there is no such field\n")
    file.write_text(_FILE.replace("select day", "selec day"))
    code, _, told = run("push")
    assert (code, told.startswith("hedgerow: endpoints/orders.yaml:5: query: Expected SELECT")) == (1, True)
