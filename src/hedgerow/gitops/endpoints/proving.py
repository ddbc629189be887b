"""Has the server look at the queries of a plan before anything is changed."""

from collections.abc import Mapping
from typing import Any

from hedgerow.gitops.endpoints.definitions import value_of, variables_of
from hedgerow.gitops.endpoints.planning import EndpointPlan, Plan
from hedgerow.gitops.endpoints.sides import There
from hedgerow.gitops.faults import Refused
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError

_NOT_ALLOWED = frozenset({401, 403, 404})


def mistakes(remote: Remote, todo: Plan, found: There) -> tuple[list[HedgerowError], str | None]:
    """What is wrong in queries that would be published, by file and line; or why the server does not look at them."""
    faults: list[HedgerowError] = []
    known = {name: each.get("default_value") for name, each in found.variables.items()}
    for each in todo.endpoints:
        if each.deed not in {"create", "version"}:
            continue
        query = each.wanted["query"]
        said = {"query": query} if isinstance(query, str) else query
        if not isinstance(said.get("query"), str):
            continue
        try:
            answer = remote.post("query/", {"query": _looked_at(each, said, known)})
        except Refused as refusal:
            if refusal.status in _NOT_ALLOWED:
                return faults, f"queries are not checked beforehand: {refusal.reason}"
            raise
        faults += [_fault(each, said["query"], error) for error in answer.get("errors") or ()]
    return faults, None


def _looked_at(plan: EndpointPlan, said: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    values = {**known, **{name: value_of(variable) for name, variable in variables_of(plan.wanted).items()}}
    variables = {
        name: {"variableId": name, "code_name": name, "value": value}
        for name, value in values.items()
        if f"variables.{name}" in said["query"]
    }
    asked = {"kind": "HogQLMetadata", "language": "hogQL", "query": said["query"], "variables": variables or None}
    return {name: value for name, value in {**asked, "filters": said.get("filters")}.items() if value is not None}


def _fault(plan: EndpointPlan, text: str, error: Mapping[str, Any]) -> HedgerowError:
    assert plan.source is not None
    line = text[: int(error.get("start") or 0)].count("\n") + 1
    return plan.source.fault_in_query(str(error["message"]), line)
