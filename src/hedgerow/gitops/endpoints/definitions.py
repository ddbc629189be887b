"""An endpoint's definition in one form, whether a file or a server says it; compared, and written."""

from collections.abc import Mapping
from typing import Any

from hedgerow.gitops.endpoints.fields import DEFAULTS, EndpointFields, VariableFields
from hedgerow.gitops.values import same
from hedgerow.gitops.writing import Block, write

Definition = dict[str, Any]
"""Fields in the order in which files have them; what is as by default is left out, but for the freshness."""
ORDER = (
    "name", "description", "query", "variables", "data_freshness_seconds", "stale_while_revalidate_seconds",
    "append_only_column",
    "is_materialized", "bucket_overrides", "optional_breakdown_properties", "rate_limit", "tags", "is_active",
    "aliases", "default_alias", "derived_from_insight",
)  # fmt: skip
_ALWAYS = frozenset({"name", "query", "data_freshness_seconds"})
_SQL = "HogQLQuery"


def of_file(fields: EndpointFields) -> Definition:
    """What a file says. Variables that it says nothing of are missing: see `completed`."""
    said = {name: getattr(fields, name) for name in ORDER}
    said["query"] = _query(fields.query if isinstance(fields.query, dict) else {"kind": _SQL, "query": fields.query})
    said["variables"] = {name: _of_fields(name, variable) for name, variable in fields.variables.items()}
    return _ordered(said)


def of_server(answer: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> Definition:
    """What the API's object says; `variables` are the project's insight variables by code name."""
    said = {name: answer.get(name) for name in ORDER}
    said["query"] = _query(answer["query"])
    said["variables"] = {name: _of_use(use, variables.get(name)) for name, use in uses(answer).items()}
    said["is_materialized"] = _is_switched_on(answer)
    return _ordered(said)


def uses(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """An API object's own definitions of its variables, by code name."""
    found = answer["query"].get("variables") or {}
    return {use["code_name"]: {"variableId": key, **use} for key, use in found.items()}


def completed(wanted: Definition, present: Definition) -> Definition:
    """What a file wants, where it leaves variables as they are: those it does not name, or gives no type."""
    there: dict[str, dict[str, Any]] = present.get("variables", {})
    variables = {**there, **{name: _filled(said, there.get(name)) for name, said in variables_of(wanted).items()}}
    return _ordered({**wanted, "variables": variables})


def variables_of(definition: Definition) -> dict[str, dict[str, Any]]:
    """Its variables by code name."""
    found: dict[str, dict[str, Any]] = definition.get("variables", {})
    return found


def value_of(variable: Mapping[str, Any]) -> Any:
    """The value that holds where a run gives none."""
    return variable["value"] if "value" in variable else variable.get("default")


def setting(definition: Definition, name: str) -> Any:
    """What is said, or what holds by default."""
    return definition.get(name, DEFAULTS[name])


def text_of(definition: Mapping[str, Any]) -> str:
    """A definition as a file's text, with the query as a block."""
    query = definition.get("query")
    if isinstance(query, str):
        return write({**definition, "query": Block(query)})
    if isinstance(query, dict) and isinstance(query.get("query"), str):
        return write({**definition, "query": {**query, "query": Block(query["query"])}})
    return write(definition)


def _ordered(said: Mapping[str, Any]) -> Definition:
    """In the one form: sets sorted, defaults left out."""
    form = dict(said)
    form["tags"] = sorted({tag.strip() for tag in said.get("tags") or ()} - {""})
    form["rate_limit"] = (said.get("rate_limit") or "").strip() or None
    form["default_alias"] = None if said.get("default_alias") in (None, "", "latest") else said["default_alias"]
    for name in ("variables", "bucket_overrides", "aliases"):
        form[name] = dict(sorted((said.get(name) or {}).items()))
    blank = {"variables": {}, "aliases": {}, "default_alias": None, **DEFAULTS}
    for name, default in blank.items():
        if form.get(name) is None:
            form[name] = default
    return {name: form[name] for name in ORDER if name in _ALWAYS or form[name] != blank[name]}


def _query(query: Mapping[str, Any]) -> Any:
    """SQL as its text, where there is nothing else to say; else a mapping without nulls."""
    said = {name: value for name, value in query.items() if value is not None and name != "variables"}
    return said["query"] if said.keys() == {"kind", "query"} and said["kind"] == _SQL else said


def _of_fields(code_name: str, fields: VariableFields) -> dict[str, Any]:
    said = fields.model_dump(exclude_unset=True)
    if "name" in said:
        said["name"] = None if said["name"].strip() == code_name else said["name"].strip()
    if "type" in said and "value" in said and same(said["value"], said.get("default")):
        del said["value"]
    return {name: value for name, value in said.items() if value is not None or name == "value"}


def _of_use(use: Mapping[str, Any], variable: Mapping[str, Any] | None) -> dict[str, Any]:
    value = None if use.get("isNull") else use.get("value")
    if variable is None:
        return {"value": value}
    said = {
        "name": variable["name"] if variable["name"] != variable["code_name"] else None,
        "type": variable["type"],
        "default": variable.get("default_value"),
        "values": variable.get("values"),
    }
    found = {name: each for name, each in said.items() if each is not None}
    follows = value is None and not use.get("isNull")
    if not follows and not same(value, said["default"]):
        found["value"] = value
    return found


def _filled(said: dict[str, Any], there: Mapping[str, Any] | None) -> dict[str, Any]:
    if there is None:
        return said
    if "type" not in said:
        # The variable as it is; and the endpoint's own value, where one is said.
        return {**there, **said}
    kept = {"name": there["name"]} if "name" not in said and "name" in there else {}
    found = {**kept, **said}
    order = ("name", "type", "default", "values", "value")
    return {name: found[name] for name in order if name in found}


def _is_switched_on(answer: Mapping[str, Any]) -> bool:
    """Also before the first table is there."""
    state = answer.get("materialization") or {}
    told = (answer.get("is_materialized"), state.get("saved_query_id"), state.get("status"), state.get("hibernated"))
    return any(told)
