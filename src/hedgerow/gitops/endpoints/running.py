"""Runs an endpoint, and compares two of its versions, by the server's own routes."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from hedgerow.gitops.faults import Refused
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import InvalidInput

FILES = ("ndjson", "arrow", "parquet")
"""Formats that a server writes; it needs to be one that has them."""


def asked(variables: Mapping[str, Any], version: str | None = None, limit: int | None = None) -> dict[str, Any]:
    """The body of a run."""
    said = {"variables": dict(variables), "version": None if version is None else reference(version), "limit": limit}
    return {name: value for name, value in said.items() if value is not None}


def run(remote: Remote, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer; raises `Refused`."""
    answer: dict[str, Any] = remote.post(f"endpoints/{quote(name, safe='')}/run", body)
    return answer


def run_as(remote: Remote, name: str, body: Mapping[str, Any], output: str) -> bytes:
    """The answer as a file of that format."""
    path = f"endpoints/{quote(name, safe='')}/run"
    return remote.send("POST", path, query={"format": output}, body=body).content


def reference(text: str) -> int | str:
    """A version by its number, or by an alias."""
    return int(text) if text.isascii() and text.isdigit() else text


def values_of(texts: Sequence[str]) -> dict[str, Any]:
    """`name=value` each; a value that is no JSON is a text. Raises `InvalidInput`."""
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InvalidInput(f"--variables: write name=value, not {text[:60]}.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def versions_differ(
    remote: Remote, name: str, pair: tuple[str, str], variables: Mapping[str, Any] | None
) -> tuple[list[str], bool]:
    """What differs, in lines; and whether anything does. With `variables`, rows are compared too."""
    path, (old, new) = f"endpoints/{quote(name, safe='')}/diff", pair
    try:
        if variables is None:
            told = remote.get(path, **{"from": old, "to": new})
        else:
            body = {"from": reference(old), "to": reference(new), "variables": dict(variables)}
            told = remote.post(path, body)
    except Refused as refusal:
        if refusal.status == 404 and refusal.code != "not_found":
            raise Refused(404, f"diff of {name}", "the server does not compare versions.") from refusal
        raise
    rows = told.get("rows")
    lines = [*_settings(told), *told["query_diff"].splitlines(), *_columns(told), *_variables(told), *_rows(rows)]
    differs = not told["identical"] or (rows is not None and not rows["identical"])
    return lines or [f"versions {told['from']} and {told['to']} are the same"], differs


def _settings(told: Mapping[str, Any]) -> list[str]:
    return [f"{each['field']}: {_json(each['from'])} → {_json(each['to'])}" for each in told["changes"]]


def _columns(told: Mapping[str, Any]) -> list[str]:
    found = told["columns"] or {}
    lines = [f"+ column {each['name']} {each['type']}" for each in found.get("added", ())]
    lines += [f"- column {each['name']} {each['type']}" for each in found.get("removed", ())]
    lines += [f"~ column {each['name']}: {each['from']} → {each['to']}" for each in found.get("retyped", ())]
    return [*lines, *(["~ columns in another order"] if found.get("reordered") else [])]


def _variables(told: Mapping[str, Any]) -> list[str]:
    found = told["variables"]
    lines = [f"+ variable {each['code_name']} = {_json(each['value'])}" for each in found["added"]]
    lines += [f"- variable {each['code_name']} = {_json(each['value'])}" for each in found["removed"]]
    changed = found["changed"]
    return lines + [f"~ variable {each['code_name']}: {_json(each['from'])} → {_json(each['to'])}" for each in changed]


def _rows(rows: Mapping[str, Any] | None) -> list[str]:
    if rows is None:
        return []
    lines = [f"rows: {rows['from']['rows']} and {rows['to']['rows']}, {rows['in_both']} in both"]
    for sign, side in (("-", rows["only_in_from"]), ("+", rows["only_in_to"])):
        shown = [f"{sign} {_json(each['row'])}{_times(each['count'])}" for each in side["sample"]]
        left = side["distinct"] - len(shown)
        lines += [*shown, *([f"{sign} … {left} more"] if left else [])]
    return lines


def _times(count: int) -> str:
    return "" if count == 1 else f"  ×{count}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
