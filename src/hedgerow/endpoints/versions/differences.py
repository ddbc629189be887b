"""What differs between two versions: settings, the query's text, its columns, its variables."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from hedgerow.endpoints.records import Endpoint, Version
from hedgerow.endpoints.values import values_of

_SETTINGS = (
    "description",
    "data_freshness_seconds",
    "stale_while_revalidate_seconds",
    "append_only_column",
    "is_active",
    "optional_breakdown_properties",
)
_MOST_LINES = 5_000
"""A longer text is shown as replaced whole: to find what stayed takes time in the square of its lines."""


def differences(one: Endpoint, other: Endpoint) -> dict[str, Any]:
    """From the version shown by `one` to that of `other`, in the API's shape."""
    old, new = one.version, other.version
    changes = _changes(_settings(old), _settings(new))
    # An insight has no text; its members are among the changes.
    before, after = (str(version.query.get("query", "")) for version in (old, new))
    text = text_diff(before, after, (f"{one.name} v{old.number}", f"{one.name} v{new.number}"))
    columns = _columns(old.columns, new.columns)
    variables = _variables(old.query, new.query)
    return {
        "name": one.name,
        "from": old.number,
        "to": new.number,
        "identical": not (changes or text or any(variables.values())),
        "changes": changes,
        "query_diff": text,
        "columns": columns,
        "variables": variables,
    }


def text_diff(old: str, new: str, names: tuple[str, str]) -> str:
    """A unified diff, as `patch` reads it; empty when nothing differs."""
    if old == new:
        return ""
    before, after = _lines(old), _lines(new)
    if max(len(before), len(after)) > _MOST_LINES:
        head = [f"--- {names[0]}\n", f"+++ {names[1]}\n", f"@@ -1,{len(before)} +1,{len(after)} @@\n"]
        return "".join((*head, *(f"-{line}" for line in before), *(f"+{line}" for line in after)))
    return "".join(difflib.unified_diff(before, after, *names))


def _lines(text: str) -> list[str]:
    """With their ends, and patch's own mark on a last line that has none."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def _settings(version: Version) -> dict[str, Any]:
    """By the name the API calls it."""
    kept = version.materialization
    rest = {f"query.{name}": value for name, value in version.query.items() if name not in ("query", "variables")}
    return {
        **{name: getattr(version, name) for name in _SETTINGS},
        "is_materialized": kept is not None,
        "bucket_overrides": dict(kept.bucket_overrides) or None if kept else None,
        **rest,
    }


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = dict.fromkeys((*old, *new))
    return [
        {"field": name, "from": old.get(name), "to": new.get(name)}
        for name in names
        if not _same(old.get(name), new.get(name))
    ]


def _columns(old: Sequence[Mapping[str, str]] | None, new: Sequence[Mapping[str, str]] | None) -> dict[str, Any] | None:
    """`None` when those of one side cannot be told now."""
    if old is None or new is None:
        return None
    before, after = _numbered(old), _numbered(new)
    common = [key for key in before if key in after]
    return {
        "added": [dict(column) for key, column in after.items() if key not in before],
        "removed": [dict(column) for key, column in before.items() if key not in after],
        "retyped": [
            {"name": key[0], "from": before[key]["type"], "to": after[key]["type"]}
            for key in common
            if before[key]["type"] != after[key]["type"]
        ],
        "reordered": common != [key for key in after if key in before],
    }


def _numbered(columns: Sequence[Mapping[str, str]]) -> dict[tuple[str, int], Mapping[str, str]]:
    """Columns by name; of several with one name, each by its place among them."""
    seen: Counter[str] = Counter()
    found = {}
    for column in columns:
        found[column["name"], seen[column["name"]]] = column
        seen[column["name"]] += 1
    return found


def _variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    before, after = values_of(old), values_of(new)
    return {
        "added": [{"code_name": name, "value": value} for name, value in after.items() if name not in before],
        "removed": [{"code_name": name, "value": value} for name, value in before.items() if name not in after],
        "changed": [
            {"code_name": name, "from": before[name], "to": value}
            for name, value in after.items()
            if name in before and not _same(before[name], value)
        ],
    }


def _same(one: Any, other: Any) -> bool:
    """As JSON: Python alone takes 1 for true."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
