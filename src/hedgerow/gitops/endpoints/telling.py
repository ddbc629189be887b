"""What people read: a plan's lines, and the difference between a file and a server."""

import difflib
from collections.abc import Iterator

from hedgerow.gitops.endpoints.definitions import Definition, text_of
from hedgerow.gitops.endpoints.planning import EndpointPlan, VariablePlan
from hedgerow.gitops.values import same

_SIGNS = {"create": "+", "version": "^", "update": "~", "delete": "-", "unchanged": "="}
_SHOWN = 70


def variable(plan: VariablePlan) -> str:
    """A line about a variable."""
    default = plan.body.get("default_value")
    said = plan.body["type"] if default is None else f"{plan.body['type']}, {_short(default)} by default"
    return f"{'~' if plan.id else '+'} variable {plan.code_name}: {said}"


def endpoint(plan: EndpointPlan) -> Iterator[str]:
    """A line about an endpoint, and one for each thing that changes."""
    version = f"version {plan.version}"
    about = {
        "create": version,
        "version": f"{version}, as the query changes",
        "update": "settings",
        "delete": "with all its versions",
        "unchanged": version,
    }[plan.deed]
    yield f"{_SIGNS[plan.deed]} {plan.name}: {plan.deed} ({about})"
    if plan.deed in {"create", "unchanged", "delete"}:
        return
    for name, value in plan.settings.items():
        old = None if plan.present is None else plan.present.definition.get(name)
        yield f"    {name}: {_short(old)} → {_short(value)}"
    yield from _aliases(plan)


def _aliases(plan: EndpointPlan) -> Iterator[str]:
    there = {} if plan.present is None else plan.present.definition.get("aliases", {})
    for name, number in plan.aliases.items():
        old = f"version {there[name]}" if name in there else "new"
        yield f"    alias {name}: {old} → {'forgotten' if number is None else f'version {number}'}"
    before, after = plan.default_alias
    if before != after:
        yield f"    default_alias: {before or 'latest'} → {after or 'latest'}"


def difference(plan: EndpointPlan) -> str:
    """A unified diff from the server's definition to the file's; empty where they say the same."""
    if plan.present is None:
        there: Definition = {}
        left = "/dev/null"
    else:
        there, left = plan.present.definition, f"server/{plan.name} (version {plan.present.version})"
    if plan.source is None:
        return f"Only on the server: {plan.name}\n"
    if same(there, plan.wanted):
        return ""
    return "".join(difflib.unified_diff(_lines(there), _lines(plan.wanted), left, plan.source.document.file))


def _lines(definition: Definition) -> list[str]:
    return [f"{line}\n" for line in text_of(definition).splitlines()] if definition else []


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
