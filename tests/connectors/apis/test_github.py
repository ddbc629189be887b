"""GitHub, against a server that plays its documented API."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from hedgerow.connectors import Ask, Refused, Unreachable
from hedgerow.connectors.apis.github import DECLARATION, ISSUES, api_of, normalised
from hedgerow.connectors.rest import Patience, RestConnector
from hedgerow.connectors.rest.kinds import ARROW
from hedgerow.kit.outgoing import OutgoingGuard
from tests.conformance.connectors import Case, ConnectorConformance
from tests.connectors.apis.configs import CONFIGS
from tests.connectors.apis.github_server import TOKEN, GithubServer
from tests.support.api_server import Answer

START = datetime(2026, 5, 1, tzinfo=UTC)
USER = {"login": "ada", "id": 7}
CONFIG = CONFIGS["Github"]


def at(n: int) -> str:
    return (START + timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%SZ")


def issue(n: int) -> dict[str, Any]:
    return {
        "id": 9_000_000_000 + n,
        "number": n,
        "node_id": f"I_{n}",
        "title": f"Issue {n} 🌼",
        "body": None if n % 2 else "It broke",
        "state": "closed" if n % 3 == 0 else "open",
        "state_reason": None,
        "comments": n,
        "user": USER,
        "milestone": {"number": 2} if n == 5 else None,
        "author_association": "MEMBER",
        "html_url": f"https://github.com/acme/shop/issues/{n}",
        "active_lock_reason": None,
        "locked": False,
        "created_at": at(n),
        "updated_at": at(1000 - n),
        "closed_at": at(n + 1) if n % 3 == 0 else None,
        "labels": [{"name": "bug"}],
        "assignees": [],
        "reactions": {"+1": n},
        **({"pull_request": {"url": "…"}} if n % 4 == 0 else {}),
    }


ROWS = [issue(n) for n in range(1, 231)]


def _expected() -> pa.Table:
    ordered = sorted(ROWS, key=lambda row: row["updated_at"])
    given: dict[str, list[Any]] = {name: [row.get(name) for row in ordered] for name in ISSUES}
    given["user_id"], given["user_login"] = [7] * len(ordered), ["ada"] * len(ordered)
    given["milestone_number"] = [2 if row["number"] == 5 else None for row in ordered]
    given["is_pull_request"] = [row["number"] % 4 == 0 for row in ordered]
    given["labels"], given["assignees"] = ['[{"name":"bug"}]'] * len(ordered), ["[]"] * len(ordered)
    given["reactions"] = [f'{{"+1":{row["number"]}}}' for row in ordered]
    for name in ("created_at", "updated_at", "closed_at"):
        given[name] = [value and datetime.fromisoformat(value) for value in given[name]]
    return pa.table({name: pa.array(given[name], ARROW[kind]) for name, kind in ISSUES.items()})


@pytest.fixture
def server() -> Iterator[GithubServer]:
    github = GithubServer()
    github.lists = {
        "issues": list(ROWS),
        "pulls": [issue(n) for n in range(1, 120)],
        "commits": [{"sha": "abc", "commit": {"message": "Fix", "committer": {"date": at(1)}}, "author": None}],
        "issues/comments": [{**issue(1), "issue_url": "https://api.github.com/repos/acme/shop/issues/41"}],
        "pulls/comments": [],
        "branches": [{"name": "main", "commit": {"sha": "abc"}, "protected": True}],
        "contributors": [{"login": "ada", "id": 7, "contributions": 12}],
        "labels": [{"id": 1, "name": "bug", "default": True}],
        "milestones": [{"id": 1, "creator": USER, "due_on": at(9)}],
        "releases": [{"id": 1, "tag_name": "v1", "author": USER, "created_at": at(3)}],
        "stargazers": [{"starred_at": at(4), "user": USER}],
        "actions/runs": [{"id": n, "name": "ci", "actor": USER, "created_at": at(n)} for n in range(130)],
    }
    with github.running():
        yield github


def connector_of(server: GithubServer, patience: Patience | None = None) -> RestConnector:
    return RestConnector(DECLARATION, api_of, OutgoingGuard(allow_private=True), patience, base_url=server.url)


def read(server: GithubServer, ask: Ask) -> list[dict[str, Any]]:
    return [row for batch in connector_of(server).read(CONFIG, ask) for row in batch.to_pylist()]


class TestGithub(ConnectorConformance):
    @pytest.fixture
    def case(self, server: GithubServer) -> Case:
        method = {"selection": "pat", "personal_access_token": "github_pat_bad"}
        return Case(
            connector=connector_of(server),
            config=CONFIG,
            table="issues",
            rows=_expected(),
            primary_key=("id",),
            cursor="updated_at",
            open=server.opened,
            refused={
                "a wrong token": ({**CONFIG, "auth_method": method}, "Bad credentials"),
                "a repository that is not there": ({**CONFIG, "repository": "acme/nothing"}, "answered 404: Not Found"),
                "no repository": ({**CONFIG, "repository": "acme"}, "owner/name"),
                "a path": ({**CONFIG, "repository": "acme/.."}, "owner/name"),
            },
        )


def test_every_table_can_be_read(server: GithubServer) -> None:
    tables = connector_of(server).discover(CONFIG)
    assert len(tables) == 12
    found = {table.name: read(server, Ask(table.name)) for table in tables}
    assert found["commits"][0]["committed_at"] == START + timedelta(hours=1)
    assert found["commits"][0]["author_login"] is None
    assert found["issue_comments"][0]["issue_number"] == 41
    assert found["stargazers"][0] == {"user_id": 7, "user_login": "ada", "starred_at": START + timedelta(hours=4)}
    assert found["branches"][0]["commit_sha"] == "abc"
    assert (len(found["workflow_runs"]), len(found["pull_requests"])) == (130, 119)


def test_only_what_changed_is_asked_for(server: GithubServer) -> None:
    after = START + timedelta(hours=990)
    assert [row["number"] for row in read(server, Ask("issues", cursor="updated_at", after=after))] == list(
        range(9, 0, -1)
    )
    assert server.requests[-1].params["since"] == at(990)
    server.requests.clear()
    # Pull requests cannot be asked for by time: reading stops at the first page that is known.
    assert len(read(server, Ask("pull_requests", cursor="updated_at", after=after))) == 9
    assert len(server.requests) == 1


def test_an_issue_that_changes_while_pages_are_read_is_not_lost(server: GithubServer) -> None:
    reading = iter(list(ROWS))
    plain = server.answer

    def changing(asked: Any) -> Answer:
        answer = plain(asked)
        number = next(reading)["number"]
        changed = {**issue(number), "updated_at": at(2000 + number)}
        server.lists["issues"] = [changed if row["number"] == number else row for row in server.lists["issues"]]
        return answer

    server.answer = changing  # type: ignore[method-assign]
    rows = read(server, Ask("issues", cursor="updated_at"))
    assert sorted(row["number"] for row in rows) == list(range(1, 231))


def test_what_the_token_may_not_see_is_not_there(server: GithubServer) -> None:
    server.denied = {"actions/runs"}
    del server.lists["issues"]
    names = {table.name for table in connector_of(server).discover(CONFIG)}
    assert {"workflow_runs", "issues"} & names == set()
    assert "commits" in names
    connector_of(server).check(CONFIG)


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Answer({"message": "You have exceeded a secondary rate limit."}, 403, {"Retry-After": "60"}), 60),
        (Answer({"message": "You have exceeded a secondary rate limit."}, 403), None),
        (Answer({"message": "API rate limit exceeded"}, 429, {"Retry-After": "1"}), 1),
    ],
)
def test_both_rate_limits_are_waited_for(server: GithubServer, fault: Answer, wait: float | None) -> None:
    waits: list[float] = []
    server.faults = [fault]
    connector = connector_of(server, Patience(sleep=waits.append))
    assert sum(batch.num_rows for batch in connector.read(CONFIG, Ask("labels"))) == 1
    assert len(waits) == 1
    assert wait is None or waits == [wait]


def test_an_hour_is_not_waited_for(server: GithubServer) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3000)}
    server.faults = [Answer({"message": "API rate limit exceeded for user ID 7."}, 403, reset)]
    with pytest.raises(Unreachable, match=r"API rate limit exceeded.*asks to wait"):
        read(server, Ask("labels"))


@pytest.mark.parametrize("given", ["acme/shop", " acme/shop ", "https://github.com/acme/shop", "acme/shop.git"])
def test_ways_of_naming_a_repository(given: str) -> None:
    assert api_of({**CONFIG, "repository": given}).check == "/repos/acme/shop"


def test_a_flat_token() -> None:
    given = {"personal_access_token": TOKEN, "repository": "acme/shop"}
    assert normalised(given) == CONFIG
    assert normalised({"auth_method": "pat", **given}) == CONFIG
    with pytest.raises(Refused):
        api_of({**CONFIG, "repository": ""})
