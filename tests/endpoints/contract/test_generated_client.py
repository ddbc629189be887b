"""A client that is generated from an endpoint's document runs the endpoint on the real server."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.endpoints.conftest import hogql
from tests.support.processes import Server, start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

KEY = "phx_the_key_that_generated_clients_use_01"
VARIABLES = {"code": ("String", None), "most": ("Number", 5), "since": ("Date", "2026-01-01"), "names": ("List", ["a"])}
QUERY = (
    "select {variables.code} as code, {variables.most} as most, {variables.since} as since, "
    "arrayJoin({variables.names}) as name order by name"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("served") / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server:
        with server.client(KEY) as client:
            for name, (kind, default) in VARIABLES.items():
                body = {"name": name, "type": kind, "default_value": default}
                assert client.post("/api/projects/1/insight_variables", json=body).status_code == 201
            made = client.post("/api/projects/1/endpoints", json={"name": "by-code", "query": hogql(QUERY)})
            assert made.status_code == 201, made.text
        yield server


@pytest.fixture(scope="module", params=["3.0", "3.1"])
def generated(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModuleType]:
    """The client's package."""
    folder = tmp_path_factory.mktemp("generated")
    with server.client(KEY) as client:
        document = client.get(f"/api/projects/1/endpoints/by-code/openapi.json?openapi={request.param}")
    (folder / "document.json").write_text(document.text)
    package = f"by_code_client_{request.param.replace('.', '_')}"
    command = [str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--meta", "none"]
    command += ["--path", "document.json", "--output-path", package]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(package)
    sys.path.remove(str(folder))


def part(package: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{package.__name__}.{name}")


def test_it_runs_by_post(server: Server, generated: ModuleType) -> None:
    models, run = part(generated, "models"), part(generated, "api.default.run_by_code")
    variables = models.Variables(code="AA", most=7.5, since=date(2026, 2, 1), names=["x", "y", "z"])
    with generated.AuthenticatedClient(base_url=server.url, token=KEY) as client:
        answer = run.sync(client=client, body=models.EndpointRunRequest(variables=variables, limit=2))
    assert isinstance(answer, models.EndpointRunResponse)
    assert answer.results == [["AA", 7.5, "2026-02-01", "x"], ["AA", 7.5, "2026-02-01", "y"]]
    assert (answer.columns, answer.has_more) == (["code", "most", "since", "name"], True)
    assert answer.endpoint_version == 1


def test_it_runs_by_get(server: Server, generated: ModuleType) -> None:
    run = part(generated, "api.default.get_by_code")
    with generated.AuthenticatedClient(base_url=server.url, token=KEY) as client:
        answer = run.sync(client=client, code="AA", names=["x", "y"], limit=1, offset=1)
    assert answer.results == [["AA", 5, "2026-01-01", "y"]]
    assert (answer.limit, answer.offset, answer.has_more) == (1, 1, False)


def test_it_knows_errors(server: Server, generated: ModuleType) -> None:
    models, run = part(generated, "models"), part(generated, "api.default.get_by_code")
    with generated.AuthenticatedClient(base_url=server.url, token="phx_nobody") as client:
        refused = run.sync(client=client, code="AA")
    assert isinstance(refused, models.Error)
    assert refused.code == "authentication_failed"
    with generated.AuthenticatedClient(base_url=server.url, token=KEY) as client:
        missing = run.sync(client=client, code="AA", version=9)
    assert isinstance(missing, models.PlainError)
    assert missing.current_version == 1
