"""What people read of a plan: its lines, the difference between files and a server, and what breaks below."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgerow.gitops.faults import Refused
from hedgerow.gitops.models.definitions import Definition, checks_agree, settings_text
from hedgerow.gitops.models.planning import ModelPlan
from hedgerow.gitops.remote import Remote

_SIGNS = {"create": "+", "change": "~", "delete": "-", "unchanged": "="}
_SHOWN = 70


def model(plan: ModelPlan) -> Iterator[str]:
    """A line about a model, and one for each thing that changes but the query."""
    kind = "table" if plan.wanted.get("materialized") else "view"
    yield f"{_SIGNS[plan.deed]} {plan.name}: {plan.deed}" + (f" ({kind})" if plan.deed == "create" else "")
    if plan.deed == "change":
        if plan.requeried:
            yield "    query"
        for name in plan.changed:
            yield f"    {name}: {_short(plan.there.get(name))} → {_short(plan.wanted.get(name))}"
    if plan.deed in {"create", "change"}:
        for wanted, there in plan.checks:
            if not checks_agree(wanted, there):
                sign = "+" if there is None else "-" if wanted is None else "~"
                said = wanted or there or {}
                yield f"    {sign} check {said.get('name') or said['kind']}"


def consequences(remote: Remote, plan: ModelPlan, together: Mapping[str, ModelPlan]) -> Iterator[str]:
    """What another query would do, by the server's own plan: to the columns, the rows, and what reads it."""
    assert plan.present is not None
    body = {"query": {"kind": "HogQLQuery", "query": plan.wanted["query"]}}
    try:
        told = remote.post(f"{plan.present.path}plan/", body)
    except Refused as refusal:
        yield f"    refused as things are: {refusal.reason}"
        return
    yield from _columns(told["columns"])
    yield from _rows(told["rows"])
    for kind in ("dependents", "endpoints"):
        for each in told.get(kind, ()):
            what = "endpoint " if kind == "endpoints" else ""
            later = together.get(each["name"]) if kind == "dependents" else None
            also = "; this push changes it as well" if later and later.requeried else ""
            if each["effect"] == "breaks":
                yield f"    BREAKS {what}{each['name']}: {each['error']}{also}"
            elif each["effect"] == "repaired":
                yield f"    repairs {what}{each['name']}"
            elif each["effect"] == "changes":
                yield f"    changes {what}{each['name']}: {', '.join(_short_columns(each['columns']))}"


def difference(plan: ModelPlan) -> str:
    """A unified diff from the server's definition to the files'; empty where they say the same."""
    if plan.source is None:
        return f"Only on the server: {plan.name}\n"
    if plan.deed == "unchanged":
        return ""
    left = f"server/{plan.name}" if plan.present else "/dev/null"
    right = str(plan.source.path)
    query = difflib.unified_diff(_query(plan.there), _query(plan.wanted), left, right)
    settings = difflib.unified_diff(
        _settings(plan.there), _settings(plan.wanted), f"{left} (settings)", str(plan.source.path.with_suffix(".yml"))
    )
    return "".join([*query, *settings])


def _query(definition: Definition) -> list[str]:
    return [f"{line}\n" for line in definition["query"].split("\n")] if definition else []


def _settings(definition: Definition) -> list[str]:
    return [f"{line}\n" for line in settings_text(definition).splitlines()] if definition else []


def _columns(columns: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for each in columns["added"]:
        yield f"    + column {each['name']} {each['type']}"
    for each in columns["removed"]:
        yield f"    - column {each['name']} {each['type']}"
    for each in columns["retyped"]:
        yield f"    ~ column {each['name']}: {each['before']} → {each['after']}"


def _short_columns(columns: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for sign, kind in (("+", "added"), ("-", "removed"), ("~", "retyped")):
        yield from (f"{sign}{each['name']}" for each in columns[kind])


def _rows(rows: Mapping[str, Any] | None) -> Iterator[str]:
    if rows is None:
        return
    if "error" in rows:
        yield f"    rows: not counted ({rows['error']})"
        return
    samples = (f"{len(rows[kind])}{'+' if len(rows[kind]) >= 10 else ''} {kind}" for kind in ("added", "removed"))
    differ = f", of a sample {' and '.join(samples)}" if rows["added"] or rows["removed"] else ""
    yield f"    rows: {rows['before']:,} → {rows['after']:,}{differ}"


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
