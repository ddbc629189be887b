"""The form of a source filled at a terminal: values from words, secrets asked for, tables and how each is synced."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hedgerow.following.project import NotFollowed, Project

Ask = Callable[[str], str]
"""Asks for a secret, by the field's label."""


def values(words: Sequence[str]) -> dict[str, Any]:
    """`host=db` and `auth.selection=token` as an object; `password=@file` is what the file holds."""
    found: dict[str, Any] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise NotFollowed(f"--set {word}: write name=value.")
        if value.startswith("@"):
            value = _content(value[1:])
        *outer, last = name.split(".")
        place = found
        for part in outer:
            place = place.setdefault(part, {})
        place[last] = value
    return found


def with_secrets(fields: Iterable[Mapping[str, Any]], given: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """The values, with the required secrets that were not given."""
    for field in fields:
        if field["secret"] and field["required"] and not given.get(field["name"]):
            given[field["name"]] = ask(field["label"])
    return given


def form(project: Project, source_type: str) -> tuple[str, list[dict[str, Any]]]:
    """A type's name as the server spells it, and its fields; raises `NotFollowed`."""
    wizard: dict[str, Any] = project.get("external_data_sources/wizard/")
    there = {name.lower(): name for name, entry in wizard.items() if not entry["unreleasedSource"]}
    if source_type.lower() not in there:
        raise NotFollowed(f"this server has no {source_type} sources; it has {', '.join(sorted(there.values()))}.")
    name = there[source_type.lower()]
    return name, wizard[name]["fields"]


def schemas(tables: Sequence[Mapping[str, Any]], words: Sequence[str]) -> list[dict[str, Any]]:
    """How tables are synced: those of the words (`orders`, `orders:incremental:updated_at`), else all, whole."""
    there = {table["table"]: table for table in tables}
    if not words:
        return [{"name": name, "should_sync": True, "sync_type": "full_refresh"} for name in there]
    return [_schema(there, word) for word in words]


def _schema(there: Mapping[str, Mapping[str, Any]], word: str) -> dict[str, Any]:
    name, *rest = word.split(":")
    if name not in there:
        raise NotFollowed(f"--table {name}: the source has {', '.join(there) or 'no tables'}.")
    kind = rest[0] if rest else "full_refresh"
    wish: dict[str, Any] = {"name": name, "should_sync": True, "sync_type": kind}
    if kind in {"incremental", "append"}:
        cursor = rest[1] if len(rest) > 1 else there[name]["incremental_field"]
        fields = {field["field"]: field["field_type"] for field in there[name]["incremental_fields"]}
        if cursor not in fields:
            raise NotFollowed(f"--table {word}: cursors of {name} are {', '.join(fields) or 'none'}.")
        wish |= {"incremental_field": cursor, "incremental_field_type": fields[cursor]}
    return wish


def _content(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFollowed(f"{path} cannot be read: {error}") from None
