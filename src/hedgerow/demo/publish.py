"""What the demo publishes: tables, variables, views with checks, endpoints; each made only when it is not there yet."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hedgerow.demo import flights

Report = Callable[[str], None]

VARIABLES: tuple[Mapping[str, Any], ...] = (
    {"name": "origin", "type": "String", "default_value": "JFK"},
    {"name": "month", "type": "Number", "default_value": 1},
    {"name": "min flights", "type": "Number", "default_value": 100},
)

VIEWS: Mapping[str, str] = {
    "hours": """
SELECT flights.carrier AS carrier,
       toDate(flights.time_hour) AS day,
       flights.dep_delay AS delay,
       weather.precip AS precipitation,
       weather.wind_speed AS wind_mph
FROM flights
LEFT JOIN weather ON flights.origin = weather.origin AND flights.time_hour = weather.time_hour
""",
    "carrier_days": """
SELECT airlines.name AS airline,
       hours.day AS day,
       count() AS flights,
       round(avg(hours.delay), 1) AS average_delay,
       round(max(hours.precipitation), 2) AS most_rain,
       round(max(hours.wind_mph), 1) AS most_wind
FROM hours
JOIN airlines ON hours.carrier = airlines.carrier
GROUP BY airline, day
""",
}
"""Saved queries, those that others read first; the last one is made into a table every day."""
_MATERIALIZED = "carrier_days"

CHECKS: tuple[Mapping[str, Any], ...] = (
    {"name": "one row per airline and day", "kind": "unique", "config": {"columns": ["airline", "day"]}},
    {"name": "every day has its airline", "kind": "not_null", "config": {"column": "airline"}},
    {"name": "a year of days", "kind": "row_count", "config": {"min": 4_000, "max": 16 * 365}},
    {
        "name": "airlines are known",
        "kind": "relationships",
        "config": {"column": "airline", "to": "airlines", "field": "name"},
    },
    {
        "name": "no day is five hours late",
        "kind": "custom_sql",
        "severity": "warn",
        "config": {"query": "SELECT airline, day, average_delay FROM carrier_days WHERE average_delay > 300"},
    },
)
"""What must hold of the materialized view's rows before they are published."""

ENDPOINTS: Mapping[str, tuple[str, str]] = {
    "delays_by_carrier": (
        "Departure delays per airline, for one airport and month.",
        """
SELECT airlines.name AS airline,
       count() AS flights,
       round(avg(flights.dep_delay), 1) AS average_delay,
       countIf(flights.dep_time IS NULL) AS cancelled
FROM flights
JOIN airlines ON flights.carrier = airlines.carrier
WHERE flights.origin = {variables.origin} AND flights.month = {variables.month}
GROUP BY airline
HAVING flights >= {variables.min_flights}
ORDER BY average_delay DESC
""",
    ),
    "delays_by_wind": (
        "How departure delay follows the wind at one airport: flights joined with the hour's weather.",
        """
SELECT floor(weather.wind_speed / 5) * 5 AS wind_mph,
       count() AS flights,
       round(avg(flights.dep_delay), 1) AS average_delay
FROM flights
JOIN weather ON flights.origin = weather.origin AND flights.time_hour = weather.time_hour
WHERE flights.origin = {variables.origin} AND weather.wind_speed IS NOT NULL
GROUP BY wind_mph
ORDER BY wind_mph
""",
    ),
    "rainy_days": (
        "The days of a month with rain, and how late each airline left; read from a table that is refreshed every day.",
        """
SELECT day, airline, flights, average_delay, most_rain
FROM carrier_days
WHERE toMonth(day) = {variables.month} AND most_rain > 0
ORDER BY average_delay DESC, day, airline
""",
    ),
}


class DemoFailed(Exception):
    """The API refused something the demo needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Project:
    """The API of one project, opened with one key."""

    api: httpx.Client
    path: str = "/api/projects/1"

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer; raises `DemoFailed` for anything that is not a success."""
        answer = self.api.request(method, f"{self.path}/{path}", **options)
        if answer.is_error:
            raise DemoFailed(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def names(self, path: str, field: str) -> set[str]:
        """The values of `field` over the objects that are there already."""
        return {item[field] for item in self.call("GET", path)["results"]}


def publish(project: Project, report: Report) -> None:
    """Make whatever is missing; safe to repeat, also after an interruption."""
    _load_tables(project, report)
    _make_variables(project, report)
    _save_queries(project, report)
    _make_endpoints(project, report)


def _load_tables(project: Project, report: Report) -> None:
    there = project.names("warehouse_tables/?limit=1000", "name")
    with tempfile.TemporaryDirectory(prefix="hedgerow-demo-") as folder:
        for table in flights.TABLES:
            if table in there:
                continue
            file = Path(folder, f"{table}.parquet")
            rows = flights.write_parquet(table, file)
            options = {"order_by": flights.SORTED.get(table, [])}
            with file.open("rb") as content:
                project.call(
                    "POST",
                    "warehouse_tables/file/",
                    data={"name": table, "format": "Parquet", "options": json.dumps(options)},
                    files={"file": (file.name, content, "application/octet-stream")},
                )
            report(f"table {table}: {rows:,} rows")


def _make_variables(project: Project, report: Report) -> None:
    there = project.names("insight_variables/", "name")
    for variable in VARIABLES:
        if variable["name"] not in there:
            made = project.call("POST", "insight_variables/", json=variable)
            report(f"variable {made['code_name']}")


def _save_queries(project: Project, report: Report) -> None:
    there = {view["name"]: view for view in project.call("GET", "warehouse_saved_queries/")["results"]}
    for name, query in VIEWS.items():
        if name not in there:
            body = {"name": name, "query": {"kind": "HogQLQuery", "query": query.strip()}}
            there[name] = project.call("POST", "warehouse_saved_queries/", json=body)
            report(f"view {name}")
    place = f"warehouse_saved_queries/{there[_MATERIALIZED]['id']}"
    _make_checks(project, report, f"{place}/data_checks/")
    if not there[_MATERIALIZED]["is_materialized"]:
        project.call("POST", f"{place}/materialize/")
        report(f"view {_MATERIALIZED}: made into a table, every day")


def _make_checks(project: Project, report: Report, path: str) -> None:
    there = project.names(path, "name")
    missing = [check for check in CHECKS if check["name"] not in there]
    for check in missing:
        project.call("POST", path, json=check)
    if missing:
        report(f"view {_MATERIALIZED}: {len(missing)} data checks, before each new table is published")


def _make_endpoints(project: Project, report: Report) -> None:
    there = project.names("endpoints/?limit=1000", "name")
    for name, (description, query) in ENDPOINTS.items():
        if name not in there:
            body = {"name": name, "description": description, "query": {"kind": "HogQLQuery", "query": query.strip()}}
            made = project.call("POST", "endpoints/", json=body)
            report(f"endpoint {name}: version {made['current_version']}, {len(made['columns'])} columns")
