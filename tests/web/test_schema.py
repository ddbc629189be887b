"""The schema is valid OpenAPI, tells every route once, and its page needs nothing from elsewhere."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.in_process import InProcess
from tests.web.conftest import MakeApp


@pytest.fixture
def documented(make_app: MakeApp) -> InProcess:
    from hedgerow.web import schema

    web = make_app()
    web.app.include_router(schema.router(web.app))
    return web


@pytest.fixture
def document(documented: InProcess) -> dict[str, Any]:
    answer = documented.request("GET", "/api/schema/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_document_is_valid(document: dict[str, Any]) -> None:
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())


def test_routes_are_told_once_with_their_scope(document: dict[str, Any]) -> None:
    assert not [path for path in document["paths"] if path.startswith("/api/environments")]
    things = document["paths"]["/api/projects/{project_id}/things"]
    assert things["get"]["x-scope"] == "thing:read"
    assert things["post"]["x-scope"] == "thing:write"
    assert document["paths"]["/api/users/@me"]["get"]["x-scope"] == "user:read"
    assert things["get"]["tags"] == ["thing"]


def test_every_operation_tells_its_parameters_and_errors(document: dict[str, Any]) -> None:
    identifiers = []
    for path, item in document["paths"].items():
        for operation in item.values():
            identifiers.append(operation["operationId"])
            told = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert told == set(re.findall(r"{(\w+)}", path))
            assert "422" not in operation["responses"]
            assert operation["responses"]["default"]["content"]
    assert len(identifiers) == len(set(identifiers))
    assert "things_create_thing" not in identifiers
    assert document["components"]["securitySchemes"]["personalKey"]["scheme"] == "bearer"


def test_page_and_its_parts_are_served_here(documented: InProcess) -> None:
    page = documented.request("GET", "/api/docs/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert {"/api/docs/page.css", "/api/docs/page.js", "/api/docs/icon.svg"} <= set(parts)
    for part in parts:
        answer = documented.request("GET", part)
        assert answer.status_code == 200
        assert answer.content
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text


def test_nothing_else_of_the_folder_is_served(documented: InProcess) -> None:
    for name in ("nope", "..%2fschema.py", "%2e%2e/schema.py", "page.js.map"):
        assert documented.request("GET", f"/api/docs/{name}").status_code == 404
