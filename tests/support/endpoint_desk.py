"""A materialized endpoint of a real process in short words, and what its versions have to answer."""

import re
from typing import Any

import httpx

from tests.support.built_tables import until

PROJECT = "/api/projects/1"
ENDPOINT = f"{PROJECT}/endpoints/cities"
ROWS, CITIES = 300, 3
QUERY = (
    "select city, count() as many, sum(n) + {plus} as total from t where city = {{variables.city}} and ts >= "
    "{{variables.since}} group by city"
)
SLOW = QUERY.replace(
    "from t",
    "from t cross join (select count() from numbers(1000000000000) "
    "where number < (select max(n) from gate) and sipHash64(number) != 1) as x",
)
"""It answers what `QUERY` would, and never ends while the gate is closed."""
_SINCE = "2026-01-05 06:00:00"
_CSV = b"city,n,ts\n" + b"".join(
    b"c%d,%d,2026-01-%02d %02d:00:00\n" % (i % CITIES, i, i // 24 + 1, i % 24) for i in range(ROWS)
)


def expected(plus: int, city: int) -> list[list[Any]]:
    """The rows that the version with this `plus` has to answer for that city."""
    found = [i for i in range(ROWS) if i % CITIES == city and i >= 4 * 24 + 6]
    return [[f"c{city}", len(found), sum(found) + plus]]


def query(plus: int, text: str = QUERY) -> dict[str, str]:
    """A query as the API takes it."""
    return {"kind": "HogQLQuery", "query": text.format(plus=plus)}


class Desk:
    """Asks for things, and fails where they are refused."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def prepare(self, *, materialized: bool = True) -> None:
        """The table, the variables, and version 1, whose `plus` is 1; once its tables are there."""
        self._upload("t", _CSV)
        self.gate(opened=False)
        for name, kind in {"city": "String", "since": "Date"}.items():
            self._json("POST", f"{PROJECT}/insight_variables", json={"name": name, "type": kind})
        body = {"name": "cities", "query": query(1), "is_materialized": materialized}
        self._json("POST", f"{PROJECT}/endpoints", json=body)
        if materialized:
            self.completes(1)

    def reload(self) -> None:
        """Upload the table's rows again: they are the same."""
        self._upload("t", _CSV)

    def gate(self, *, opened: bool) -> None:
        """Let refreshes of `SLOW` that begin from now on end, or not."""
        self._upload("gate", b"id,n\n1,%d\n" % (3 if opened else 1_000_000_000_000))

    def change(self, version: int | None = None, **wishes: Any) -> dict[str, Any]:
        """Change the endpoint, or that version of it."""
        found: dict[str, Any] = self._json(
            "PATCH", f"{ENDPOINT}?version={version}" if version else ENDPOINT, json=wishes
        )
        return found

    def status(self, version: int) -> dict[str, Any]:
        """What the API says of a version's tables."""
        found: dict[str, Any] = self._json("GET", f"{ENDPOINT}/materialization_status?version={version}")
        return found

    def completes(self, version: int, seconds: float = 60.0) -> None:
        """Wait until a version's tables are there."""
        until(lambda: self.status(version)["status"] == "Completed", seconds)

    def run(self, version: int, city: int = 1, refresh: str = "force") -> tuple[Any, str]:
        """The rows and the path of a run."""
        values = {"city": f"c{city}", "since": _SINCE}
        body = {"variables": values, "version": version, "refresh": refresh, "debug": True}
        answer = self._json("POST", f"{ENDPOINT}/run", json=body)
        return answer["results"], answer["path"]

    def current(self) -> int:
        """The highest version."""
        return int(self._json("GET", ENDPOINT)["current_version"])

    def answers(self, version: int, path: str | None = "materialized") -> None:
        """A version's answers are right for each city, come by that path, and are those of the query itself."""
        found = self._json("GET", f"{ENDPOINT}?version={version}")
        plus = int(re.findall(r"\+ (\d+) as", found["query"]["query"])[0])
        for city in range(CITIES):
            rows, came_by = self.run(version, city)
            assert (rows, came_by) == (expected(plus, city), path or came_by), self.status(version)
            if path == "materialized":
                assert self.run(version, city, "direct") == (expected(plus, city), "inline")

    def _upload(self, name: str, content: bytes) -> None:
        files = {"file": ("t.csv", content)}
        self._json("POST", f"{PROJECT}/warehouse_tables/file", data={"name": name}, files=files)

    def _json(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None
