"""The document of one endpoint."""

from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow.endpoints.contract import answers
from hedgerow.endpoints.contract.dialects import Dialect, Schema
from hedgerow.endpoints.contract.requests import Taken
from hedgerow.endpoints.records import LATEST, Endpoint

_SCHEMES: Mapping[str, str] = {
    "PersonalAPIKey": "A personal key, `phx_…`.",
    "ProjectSecretAPIKey": "A secret key of the project, `phs_…`.",
    "EndpointToken": "A token that is bound to this endpoint.",
}


def document(endpoint: Endpoint, taken: Taken, site: str) -> dict[str, Any]:
    """The OpenAPI document of the endpoint's shown version; `site` is the server's address."""
    path = f"/api/projects/{endpoint.project_id}/endpoints/{endpoint.name}/run"
    bearer = {"type": "http", "scheme": "bearer"}
    return {
        "openapi": taken.dialect.version,
        "info": _info(endpoint),
        "servers": [{"url": site}],
        "security": [{name: []} for name in _SCHEMES],
        "paths": {path: {"post": _post(endpoint, taken), "get": _get(endpoint, taken)}},
        "components": {
            "securitySchemes": {name: {**bearer, "description": text} for name, text in _SCHEMES.items()},
            "schemas": _schemas(taken, taken.dialect, endpoint.version.columns or ()),
        },
    }


def _info(endpoint: Endpoint) -> Schema:
    version = endpoint.version
    text = version.description or f"Runs the endpoint {endpoint.name}."
    aliases = {LATEST: endpoint.current_version, **dict(sorted(endpoint.aliases.items()))}
    return {"title": endpoint.name, "description": text, "version": str(version.number), "x-aliases": aliases}


def _post(endpoint: Endpoint, taken: Taken) -> Schema:
    schema = {"$ref": "#/components/schemas/EndpointRunRequest"}
    return {
        "operationId": f"run_{_word(endpoint)}",
        "summary": f"Run {endpoint.name}",
        "parameters": [taken.format_parameter()],
        "requestBody": {"required": bool(taken.required), "content": {"application/json": {"schema": schema}}},
        "responses": answers.responses(get=False),
    }


def _get(endpoint: Endpoint, taken: Taken) -> Schema:
    return {
        "operationId": f"get_{_word(endpoint)}",
        "summary": f"Run {endpoint.name}, as browsers and caches can",
        "parameters": taken.parameters(),
        "responses": answers.responses(get=True),
    }


def _schemas(taken: Taken, dialect: Dialect, columns: Sequence[Mapping[str, str]]) -> Schema:
    own: Schema = {"EndpointRunRequest": taken.body()}
    if taken.definition.values:
        own["Variables"] = taken.variables()
    return own | answers.schemas(dialect, columns)


def _word(endpoint: Endpoint) -> str:
    return endpoint.name.replace("-", "_")
