"""Carries a plan out. Every request can be repeated, so that a push which broke off is simply pushed again."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from hedgerow.gitops.endpoints.definitions import value_of, variables_of
from hedgerow.gitops.endpoints.planning import EndpointPlan, Plan, VariablePlan
from hedgerow.gitops.endpoints.sides import Local
from hedgerow.gitops.faults import Refused
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError

_SQL = "HogQLQuery"
_LINE = re.compile(r"\bline ([1-9][0-9]{0,6})\b")
_FIELDS = {"default_value": "default", "code_name": "name"}
"""The API's names for what files call otherwise."""


def push(remote: Remote, plan: Plan) -> Iterator[tuple[VariablePlan | EndpointPlan, HedgerowError | None]]:
    """Each part as it is done, with what went wrong, by file and line. What fails does not stop the others."""
    ids = dict(plan.ids)
    for variable in plan.variables:
        try:
            ids[variable.code_name] = _variable(remote, variable)
            yield variable, None
        except Refused as refusal:
            yield variable, _told(refusal, variable.source, ("variables", variable.code_name))
    for each in plan.endpoints:
        if each.deed == "unchanged":
            yield each, None
            continue
        try:
            fault = _endpoint(remote, each, ids)
            yield each, fault
        except Refused as refusal:
            yield each, _told(refusal, each.source, ())


def _variable(remote: Remote, plan: VariablePlan) -> str:
    if plan.id is not None:
        return str(remote.patch(f"insight_variables/{plan.id}/", plan.body)["id"])
    return str(remote.post("insight_variables/", plan.body)["id"])


def _endpoint(remote: Remote, plan: EndpointPlan, ids: Mapping[str, str]) -> HedgerowError | None:
    path = f"endpoints/{quote(plan.name)}/"
    if plan.source is None:
        remote.delete(path)
        return None
    before = 0 if plan.present is None else plan.present.version
    # Aliases of versions that are there come first, so that no run falls to a version that was not meant for it.
    _point(remote, path, {name: number for name, number in plan.aliases.items() if number and number <= before})
    old, new = plan.default_alias
    early = old != new and (new is None or plan.wanted["aliases"][new] <= before) and plan.present is not None
    answer = _body(remote, plan, ids, {"default_alias": new} if early else {})
    if plan.bump and (fault := _amiss(plan.source, answer["current_version"], before)):
        return fault
    _point(remote, path, {name: number for name, number in plan.aliases.items() if number and number > before})
    if old != new and not early:
        remote.patch(path, {"default_alias": new})
    for name in [name for name, number in plan.aliases.items() if number is None]:
        remote.delete(f"{path}aliases/{quote(name)}/")
    if refused := (answer or {}).get("materialization_error"):
        return plan.source.document.fault(str(refused), "is_materialized")
    return None


def _amiss(source: Local, current: int, before: int) -> HedgerowError | None:
    """Why the version that was made is not the one that was planned; its aliases are then left alone."""
    if current == before:
        text = "the server sees no other query: does it use each of these outside of comments?"
        return source.document.fault(text, "variables")
    if current != before + 1:
        text = f"somebody else has changed it at the same time; its version is {current} now: push again"
        return source.document.fault(text, "query")
    return None


def _point(remote: Remote, path: str, aliases: Mapping[str, int]) -> None:
    for name, number in aliases.items():
        try:
            remote.put(f"{path}aliases/{quote(name)}/", {"version": number})
        except Refused as refusal:
            refusal.attr = f"aliases.{name}"
            raise


def _body(remote: Remote, plan: EndpointPlan, ids: Mapping[str, str], more: Mapping[str, Any]) -> Any:
    body = {**plan.settings, **more}
    if plan.present is None or plan.bump:
        body["query"] = _query(plan, ids)
    if plan.present is None:
        return remote.post("endpoints/", {"name": plan.name, **body})
    return remote.patch(f"endpoints/{quote(plan.name)}/", body) if body else None


def _query(plan: EndpointPlan, ids: Mapping[str, str]) -> dict[str, Any]:
    """The query with its own values of variables, which need the ids that variables have on this server."""
    said = plan.wanted["query"]
    query = {"kind": _SQL, "query": said} if isinstance(said, str) else dict(said)
    variables = variables_of(plan.wanted)
    if not variables:
        return query
    query["variables"] = {ids[name]: _use(ids[name], name, said) for name, said in variables.items() if name in ids}
    return query


def _use(identifier: str, name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    value = value_of(said)
    use = {"variableId": identifier, "code_name": name, "value": value}
    return {**use, "isNull": True} if value is None and "value" in said else use


def _told(refusal: Refused, source: Local | None, root: tuple[str, ...]) -> HedgerowError:
    """A refusal at the field of the file that it is about; within a query's block, at the line that is meant."""
    if source is None:
        return refusal
    parts = [_FIELDS.get(part, part) for part in (refusal.attr or "").replace("__", ".").split(".") if part]
    within = _LINE.search(refusal.reason)
    if parts == ["query"] and within is not None:
        return source.fault_in_query(refusal.reason, int(within[1]))
    return source.document.fault(refusal.reason, *root, *parts)
