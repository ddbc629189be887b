"""The whole application: opened, asked, closed; in this process and as the real one."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hedgerow.engine.result import Query
from tests.support.apps import Api, MakeApi
from tests.support.processes import Server, free_port, start_server


def test_ready_names_its_parts(api: Api) -> None:
    answer = api.get("/readyz")
    assert answer.json() == {"status": "ok", "store": "ok", "engine": "ok", "cache": "ok"}


def test_keys_open_what_they_may(api: Api) -> None:
    assert api.get("/api/users/@me/").status_code == 200
    assert api.with_key(api.make_key(["query:read"])).get("/api/users/@me").status_code == 403
    limited = api.with_key(api.make_key(["*"], projects=[999]))
    assert limited.get(f"/api/projects/{api.project_id}").status_code == 403
    assert api.with_key(None).get("/api/users/@me/").status_code == 401


def test_projects_of_one_application_are_apart(api: Api) -> None:
    other = api.other_project()
    assert other.project_id != api.project_id
    assert other.get(f"/api/projects/{other.project_id}/").json()["id"] == other.project_id


def test_applications_share_nothing_but_the_engine(make_app: MakeApi) -> None:
    one, other = make_app(), make_app()
    assert one.project_id != other.project_id
    assert one.with_key(other.key).get("/api/users/@me").status_code == 401


def test_schema_of_everything_is_valid_and_tidy(api: Api) -> None:
    document: dict[str, Any] = api.get("/api/schema/").json()
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())
    operations = [(path, method, each) for path, item in document["paths"].items() for method, each in item.items()]
    assert operations
    assert not [path for path, _, _ in operations if path.startswith("/api/environments") or path.endswith("/")]
    assert not [(path, method) for path, method, each in operations if not each.get("tags")]
    assert not [(path, method) for path, method, each in operations if "x-scope" not in each]
    identifiers = [each["operationId"] for _, _, each in operations]
    assert len(identifiers) == len(set(identifiers))


def test_requests_over_the_rate_are_refused(make_app: MakeApi) -> None:
    api = make_app(throttle=True, throttle_burst="2/minute")
    answers = [api.get(f"/api/projects/{api.project_id}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["code"] == "throttled"


def test_rates_are_counted_in_redis(make_app: MakeApi, redis_url: str) -> None:
    api = make_app(throttle=True, throttle_burst="2/minute", cache_url=redis_url)
    for bucket in ("60", "3600"):
        api.call(api.house.cache.delete, f"throttle:default:{bucket}:p{api.project_id}")
    answers = [api.get(f"/api/projects/{api.project_id}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_whole_application_on_postgresql_and_redis(postgres_url: str, redis_url: str, make_app: MakeApi) -> None:
    api = make_app(database_url=postgres_url, cache_url=redis_url)
    assert api.get("/readyz").json() == {"status": "ok", "store": "ok", "engine": "ok", "cache": "ok"}
    uploaded = api.post("/warehouse_tables/file", files={"file": ("t.csv", b"a\n1\n")})
    assert uploaded.status_code == 201, uploaded.text
    assert api.get("/warehouse_tables").json()["count"] == 1
    assert api.other_project().get("/warehouse_tables").json()["count"] == 0


def test_bootstrap_key_is_taken_and_not_shown(make_app: MakeApi) -> None:
    api = make_app(bootstrap_key="phx_chosen_by_the_owner_0123456789")
    assert api.app.state.first_key is None
    assert api.with_key("phx_chosen_by_the_owner_0123456789").get("/api/users/@me").status_code == 200


def test_metrics_tell_of_requests_and_queries(api: Api) -> None:
    assert api.get("/warehouse_tables").status_code == 200
    api.call(api.house.engine.run, Query("SELECT 1"))
    text = api.get("/metrics").text
    route = "/api/projects/{project_id}/warehouse_tables"
    assert f'hedgerow_http_requests_total{{method="GET",route="{route}",status="200"}} 1.0' in text
    assert "hedgerow_engine_queries_running 0.0" in text
    assert "hedgerow_engine_queries_total 1.0" in text
    assert "hedgerow_engine_queries_failed_total 0.0" in text


@pytest.mark.acceptance
@pytest.mark.slow
def test_first_start_shows_a_key_once_and_stops_in_order(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with start_server(home) as server:
        assert f"listens on {server.url}" in server.log
        assert f"{server.url}/api/docs/" in server.log
        (key,) = re.findall(r"phx_\w+", server.log)
        with server.client(key) as client:
            assert client.get("/api/projects/@current/").json()["id"] == 1
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.log
    with start_server(home) as again:
        assert "phx_" not in again.log
        with again.client(key) as client:
            assert client.get("/api/users/@me/").status_code == 200
        assert again.stop(signal.SIGINT) == 0


@pytest.mark.acceptance
@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("HEDGEROW_DATABASE_URL", "postgresql://127.0.0.1:1/none", "The metadata store cannot be opened: "),
        ("HEDGEROW_CACHE_URL", "memcached://x", "the cache's URL must begin with"),
        ("HEDGEROW_THROTTLE_BURST", "many", "'many' is not a rate"),
    ],
)
def test_start_that_cannot_be_is_one_line(tmp_path: Path, setting: str, value: str, words: str) -> None:
    server = Server(tmp_path / "home", {setting: value})
    assert server.process.wait(20) == 1
    assert words in server.log
    assert len(server.log.splitlines()) == 1


@pytest.mark.acceptance
@pytest.mark.slow
def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = Server(tmp_path / "home", {"HEDGEROW_PORT": str(port)})
        assert server.process.wait(20) == 1
        assert server.log.startswith(f"hedgerow: Cannot listen on port {port} of 127.0.0.1: it is in use.")
        assert len(server.log.splitlines()) == 1


@pytest.mark.slow
def test_import_leaves_the_slow_and_the_optional_to_later() -> None:
    code = "import hedgerow.app, sys; print([m for m in ('chdb', 'redis', 'uvloop') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
