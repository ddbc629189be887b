"""An endpoint's own OpenAPI document: valid, complete, and true of what a run takes and answers."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from tests.endpoints.conftest import Desk, hogql, refused, refused_by_hand
from tests.endpoints.test_materialized import settled

KINDS = {"text": "String", "number": "Number", "flag": "Boolean", "list": "List", "day": "Date"}
TYPED = "select 1 as n, 1.5 as f, 'a' as s, now() as at, today() as day, true as yes, ['a'] as list, null as nothing"
SEVERAL = f"select {', '.join(f'{{variables.{name}}} as {name}' for name in KINDS)}, {{variables.limit}} as own"


def told(desk: Desk, query: str = "") -> dict[str, Any]:
    """The document, valid in its version of OpenAPI."""
    found = desk.get(suffix=f"openapi.json{query}")
    validator = OpenAPIV31SpecValidator if found["openapi"].startswith("3.1") else OpenAPIV30SpecValidator
    assert list(validator(found).iter_errors()) == []
    return found


def holds(document: dict[str, Any], name: str, value: Any) -> None:
    """A value is as the component says; documents of 3.1 only, whose schemas are JSON Schema."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    faults = [fault.message for fault in Draft202012Validator(schema).iter_errors(value)]
    assert faults == []


def operation(document: dict[str, Any], method: str = "post") -> dict[str, Any]:
    (item,) = document["paths"].values()
    found: dict[str, Any] = item[method]
    return found


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


@pytest.fixture
def several(desk: Desk) -> Desk:
    """An endpoint with a variable of each type, and one whose name is an option."""
    for name, kind in KINDS.items():
        desk.variable(name, kind=kind)
    desk.variable("limit", 3, "Number")
    desk.make(SEVERAL)
    return desk


def test_case_106_an_endpoint_has_a_document(desk: Desk) -> None:
    desk.make(name="basic-endpoint")
    document = desk.get("basic-endpoint", "openapi.json")
    path = f"/api/projects/{desk.api.project_id}/endpoints/basic-endpoint/run"
    assert document["openapi"] == "3.0.3"
    assert (document["info"]["title"], document["info"]["version"]) == ("basic-endpoint", "1")
    assert document["servers"] == [{"url": "http://testserver"}]
    assert list(document["paths"]) == [path]
    assert document["paths"][path]["post"]["operationId"] == "run_basic_endpoint"
    assert document["components"]["securitySchemes"]["PersonalAPIKey"]["scheme"] == "bearer"


def test_its_version_and_words_are_the_shown_version_s(desk: Desk) -> None:
    desk.make(description="What sells.")
    desk.change({"query": hogql("select 2 as two")})
    desk.api.put("/endpoints/e/aliases/stable", json={"version": 1})
    current, first = told(desk), told(desk, "?version=stable")
    assert (current["info"]["version"], first["info"]["version"]) == ("2", "1")
    assert current["info"]["description"] == "What sells."
    assert current["info"]["x-aliases"] == {"latest": 2, "stable": 1}
    version = schemas(current)["EndpointRunRequest"]["properties"]["version"]
    assert version["anyOf"] == [
        {"type": "integer", "minimum": 1, "maximum": 2},
        {"type": "string", "enum": ["latest", "stable"]},
    ]
    pinned = schemas(first)["EndpointRunRequest"]["properties"]["version"]
    assert (pinned["enum"], pinned["default"]) == ([1], 1)
    assert "one" in schemas(first)["Record"]["properties"]


def test_case_108_variables_have_types(several: Desk) -> None:
    variables = schemas(told(several))["Variables"]
    assert variables["properties"] == {
        "text": {"type": "string"},
        "number": {"type": "number"},
        "flag": {"type": "boolean"},
        "list": {"type": "array", "items": {"type": "string"}},
        "day": {"type": "string", "format": "date"},
        "limit": {"type": "number", "example": 3},
    }
    assert set(variables["required"]) == set(KINDS)
    assert variables["additionalProperties"] is False


def test_case_109_options_have_types(desk: Desk) -> None:
    desk.make()
    properties = schemas(told(desk))["EndpointRunRequest"]["properties"]
    refresh = {key: properties["refresh"][key] for key in ("type", "enum", "default")}
    assert refresh == {"type": "string", "enum": ["cache", "force", "direct"], "default": "cache"}
    assert [properties[name]["type"] for name in ("limit", "offset", "debug")] == ["integer", "integer", "boolean"]


def test_case_110_without_variables_there_are_none(desk: Desk) -> None:
    desk.make()
    document = told(desk)
    assert "Variables" not in schemas(document)
    assert "variables" not in schemas(document)["EndpointRunRequest"]["properties"]
    assert operation(document)["requestBody"]["required"] is False
    refused(desk.api.get("/endpoints/nobody/openapi.json"), 404)
    refused_by_hand(desk.api.get("/endpoints/e/openapi.json?version=9"), 404, "Version 9 not found")
    refused(desk.api.get("/endpoints/e/openapi.json?version=x!"), 400, "version")
    refused(desk.api.get("/endpoints/e/openapi.json?openapi=2.0"), 400, "openapi")


def test_case_112_a_materialized_version_requires_all(counted: Desk) -> None:
    counted.variable("event", "pageview")
    counted.make("select count() as n from hits where event = {variables.event}")
    assert "required" not in schemas(told(counted))["EndpointRunRequest"]
    counted.change({"is_materialized": True})
    settled(counted)
    document = told(counted)
    assert schemas(document)["Variables"]["required"] == ["event"]
    assert schemas(document)["EndpointRunRequest"]["required"] == ["variables"]
    assert operation(document)["requestBody"]["required"] is True


def test_a_get_takes_variables_in_its_query_string(several: Desk) -> None:
    parameters = {each["name"]: each for each in operation(told(several), "get")["parameters"]}
    assert {*list(parameters)[:6]} == {*KINDS, "variables[limit]"}
    assert list(parameters)[6:] == [
        "refresh", "version", "limit", "offset", "debug", "client_query_id", "format",
    ]  # fmt: skip
    assert parameters["text"]["required"]
    assert not parameters["variables[limit]"]["required"]
    assert (parameters["list"]["style"], parameters["list"]["explode"]) == ("form", True)


def test_every_answer_is_told(desk: Desk) -> None:
    desk.make()
    document = told(desk)
    post, get = operation(document)["responses"], operation(document, "get")["responses"]
    assert list(post) == ["200", "400", "401", "403", "404", "406", "413", "429", "500", "503"]
    assert "304" in get
    assert set(post["200"]["content"]) == {
        "application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream",
        "application/vnd.apache.parquet",
    }  # fmt: skip
    assert "Retry-After" in post["429"]["headers"]
    desk.api.get("/endpoints/e/run?format=csv")
    answer = desk.api.get("/endpoints/e/run?format=csv")  # kept: it has its tag however long it took
    for name in ("ETag", "Cache-Control", "X-Execution-Id", "X-Row-Limit", "Content-Disposition"):
        assert name in get["200"]["headers"]
        assert name in answer.headers


def test_rows_are_typed_by_their_columns(desk: Desk) -> None:
    desk.make(TYPED)
    record = schemas(told(desk))["Record"]["properties"]
    kinds = [(name, schema.get("type"), schema.get("format")) for name, schema in record.items()]
    assert kinds == [
        ("n", "integer", None), ("f", "number", None), ("s", "string", None), ("at", "string", "date-time"),
        ("day", "string", "date"), ("yes", "boolean", None), ("list", "array", None), ("nothing", None, None),
    ]  # fmt: skip
    row = schemas(told(desk, "?openapi=3.1"))["Row"]
    assert [each.get("type") for each in row["prefixItems"]] == [
        ["integer", "null"], ["number", "null"], ["string", "null"], ["string", "null"], ["string", "null"],
        ["boolean", "null"], ["array", "null"], None,
    ]  # fmt: skip
    assert (row["minItems"], row["maxItems"]) == (8, 8)
    desk.change({"query": hogql("select 1 as a, 1.5 as b, today() as c, 's' as d")})
    assert schemas(told(desk))["Row"]["items"] == {
        "anyOf": [{"type": "number", "nullable": True}, {"type": "string", "nullable": True}]
    }


def test_what_is_told_is_true(several: Desk) -> None:
    document = told(several, "?openapi=3.1")
    body = {"variables": {"text": "a", "number": 1.5, "flag": False, "list": ["x"], "day": "2026-01-31"}, "limit": 1}
    holds(document, "EndpointRunRequest", body)
    holds(document, "EndpointRunResponse", several.run(body))
    holds(document, "EndpointRunResponse", several.run())
    holds(document, "Error", several.ask({"variables": {"number": "x"}}).json())
    holds(document, "Error", several.api.with_key(None).get("/endpoints/e/run").json())
    holds(document, "PlainError", several.ask({"version": 9}).json())
    line = several.api.get("/endpoints/e/run?format=ndjson&number=1").json()
    holds(document, "Record", line)


def test_it_is_as_private_as_the_endpoint(desk: Desk) -> None:
    desk.make()
    assert desk.api.with_key(None).get("/endpoints/e/openapi.json").status_code == 401
    assert desk.api.with_key(desk.api.make_key(["query:read"])).get("/endpoints/e/openapi.json").status_code == 403
    secret = desk.api.post("/project_secret_api_keys", json={"label": "backend"}).json()["value"]
    assert desk.api.with_key(secret).get("/endpoints/e/openapi.json").status_code == 403
    assert desk.api.other_project().get("/endpoints/e/openapi.json").status_code == 404
