"""Every route of the API reference: served with its method, scope, status and documented keys, at both mounts."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.apps import Api, MakeApi
from tests.support.buckets import Bucket

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "contract" / "api.json"
REFERENCE: list[dict[str, Any]] = json.loads((HERE / "api.json").read_text())

NOT_SERVED_YET = {
    "desktop_recordings": "recordings are not built yet",
    "error_tracking": "assignment rules are not built yet",
    "hog_functions": "Hog functions are not built yet",
    "insights": "insights are not built yet",
}
# Where the reference's example shows what the real server never returns.
UNDOCUMENTED_ON_PURPOSE = {"credential.access_key", "credential.access_secret"}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST insight_variables": {"name": "contract made", "type": "String"},
    "POST endpoints": {"name": "contract_made", "query": {"kind": "HogQLQuery", "query": "select 1 as one"}},
    "POST endpoints/last_execution_times": {"names": []},
    "PATCH endpoints/:name": {"description": "changed"},
    "POST external_data_sources": {
        "source_type": "SQLite",
        "prefix": "second",
        "payload": {"path": "contract.sqlite", "schemas": [{"name": "things"}]},
    },
    "POST external_data_sources/database_schema": {"source_type": "SQLite", "path": "contract.sqlite"},
    "POST external_data_sources/source_prefix": {"source_type": "SQLite", "prefix": "third"},
    "PATCH external_data_sources/:id": {"description": "changed", "job_inputs": {"path": "contract.sqlite"}},
    "POST warehouse_saved_queries": {"name": "made_view", "query": {"kind": "HogQLQuery", "query": "select 1 as one"}},
    "POST warehouse_saved_queries/resume_schedules": {"view_ids": ["497f6eca-6276-4993-bfeb-53cbbbba6f08"]},
    "PATCH warehouse_saved_queries/:id": {"name": "changed_view"},
    "PATCH insight_variables/:id": {"name": "contract changed"},
}


def _resource(entry: Mapping[str, Any]) -> str:
    return str(entry["path"]).split("/")[4]


def _relative(entry: Mapping[str, Any]) -> str:
    return "/".join(str(entry["path"]).split("/")[4:])


def _id(entry: Mapping[str, Any]) -> str:
    return f"{entry['method']} {entry['path'].removeprefix('/api/')}"


# The real server answers these without a body, and with a status of its own.
EMPTY_ON_PURPOSE = {"POST warehouse_saved_queries/resume_schedules": 202}
SERVED = [entry for entry in REFERENCE if _resource(entry) not in NOT_SERVED_YET]
ABSENT = [entry for entry in REFERENCE if _resource(entry) in NOT_SERVED_YET]


@pytest.fixture
def api(make_app: MakeApi) -> Api:
    """An application that may read from this machine's bucket."""
    return make_app(allow_private_hosts=True)


@pytest.fixture
def made(api: Api) -> dict[str, str]:
    """One object of each resource, so that every path has something to name."""
    csv = {"file": ("contract.csv", b"a,b\n1,x\n2,y\n", "text/csv")}
    table = api.post("/warehouse_tables/file", data={"name": "contract_table"}, files=csv)
    variable = api.post("/insight_variables", json={"name": "contract", "type": "String", "default_value": "x"})
    query = {"kind": "HogQLQuery", "query": "select a, b from contract_table where b = {variables.contract}"}
    endpoint = api.post("/endpoints", json={"name": "contract", "query": query})
    saved = {"kind": "HogQLQuery", "query": "select a, b from contract_table"}
    view = api.post("/warehouse_saved_queries", json={"name": "contract_view", "query": saved})
    api.settings.source_folder.mkdir()
    with closing(sqlite3.connect(api.settings.source_folder / "contract.sqlite")) as file:
        file.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    payload = {"path": "contract.sqlite", "schemas": [{"name": "things"}]}
    source = api.post("/external_data_sources", json={"source_type": "SQLite", "payload": payload})
    for answer in (table, variable, endpoint, view, source):
        assert answer.status_code == 201, answer.text
    return {
        "warehouse_tables": table.json()["id"],
        "insight_variables": variable.json()["id"],
        "endpoints": "contract",
        "external_data_sources": source.json()["id"],
        "warehouse_saved_queries": view.json()["id"],
    }


def _path(entry: Mapping[str, Any], made: Mapping[str, str]) -> str:
    path = re.sub(r":(id|name)\b", made[_resource(entry)], _relative(entry))
    return "/" + path.replace(":version_number", "1")


def _keys(documented: Any, answered: Any, where: str = "") -> Iterator[str]:
    """Documented keys the answer lacks; a null in the answer stands for an absent object."""
    if isinstance(documented, dict) and isinstance(answered, dict):
        for key, value in documented.items():
            name = f"{where}.{key}".lstrip(".")
            if key in {"property1", "property2"} or any(name.endswith(u) for u in UNDOCUMENTED_ON_PURPOSE):
                continue
            if key not in answered:
                yield name
            else:
                yield from _keys(value, answered[key], name)
    elif isinstance(documented, list) and isinstance(answered, list) and documented and answered:
        yield from _keys(documented[0], answered[0], where)


def _start_something_long(api: Api, made: Mapping[str, str]) -> None:
    """Have the saved query run, so that there is something to cancel."""
    path = f"/warehouse_saved_queries/{made['warehouse_saved_queries']}"
    long = {"kind": "HogQLQuery", "query": "select count() as n from numbers(1000000000000)"}
    assert api.patch(path, json={"query": long, "soft_update": True}).status_code == 200
    assert api.post(f"{path}/run").json()["status"] == "Running"


@pytest.mark.parametrize("mount", ["projects", "environments"])
@pytest.mark.parametrize("entry", SERVED, ids=_id)
def test_route_answers_as_documented(
    api: Api, made: dict[str, str], bucket: Bucket, entry: dict[str, Any], mount: str
) -> None:
    file_url = bucket.put("contract.csv", "a,b\n1,x\n")
    body = BODIES.get(f"{entry['method']} {_relative(entry)}")
    if f"{entry['method']} {_relative(entry)}" == "POST warehouse_tables":
        body = {"name": "linked", "format": "CSVWithNames", "url_pattern": file_url, "credential": bucket.credential}
    path = f"/api/{mount}/{api.project_id}{_path(entry, made)}"
    if _relative(entry) == "warehouse_saved_queries/:id/cancel":
        _start_something_long(api, made)
    answer = api.request(entry["method"], path, json=body)
    if (status := EMPTY_ON_PURPOSE.get(f"{entry['method']} {_relative(entry)}")) is not None:
        assert answer.status_code == status, answer.text
        return
    assert answer.status_code == entry["status"], answer.text
    if entry["response"] is not None:
        missing = sorted(set(_keys(entry["response"], answer.json())))
        assert not missing, missing


@pytest.mark.parametrize("entry", [e for e in SERVED if e["scope"]], ids=_id)
def test_route_asks_for_its_scope(api: Api, made: dict[str, str], entry: dict[str, Any]) -> None:
    stranger = api.with_key(api.make_key(["dashboard:read"]))
    answer = stranger.request(entry["method"], _path(entry, made), json={})
    assert answer.status_code == 403, answer.text
    assert answer.json()["detail"] == f"API key missing required scope '{entry['scope']}'"


@pytest.mark.parametrize("entry", SERVED, ids=_id)
def test_route_needs_credentials_and_takes_a_slash(api: Api, made: dict[str, str], entry: dict[str, Any]) -> None:
    answer = api.with_key(None).request(entry["method"], _path(entry, made) + "/", json={})
    assert answer.status_code == 401
    assert answer.json() == {
        "type": "authentication_error",
        "code": "not_authenticated",
        "detail": "Authentication credentials were not provided.",
        "attr": None,
    }


@pytest.mark.parametrize("entry", ABSENT, ids=_id)
def test_what_is_not_served_yet_says_so_plainly(api: Api, entry: dict[str, Any]) -> None:
    """Fails as soon as a resource is served, so that `NOT_SERVED_YET` stays true."""
    answer = api.request(entry["method"], "/" + re.sub(r":\w+", "1", _relative(entry)), json={})
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] == "not_found"


def test_own_copy_is_the_shared_reference() -> None:
    if not SHARED.exists():
        pytest.skip("no shared reference beside this clone: its own copy is used")
    assert json.loads(SHARED.read_text()) == REFERENCE
