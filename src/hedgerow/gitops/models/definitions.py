"""A model's definition in one form, whether files or a server say it; compared, and written."""

from collections.abc import Mapping, Sequence
from typing import Any

from hedgerow.gitops.models.fields import DAILY, ModelFields
from hedgerow.gitops.values import same
from hedgerow.gitops.writing import Block, write

Definition = dict[str, Any]
"""`query`, then settings in the order in which files have them; what is as by default is left out."""
SETTINGS = ("description", "materialized", "sync_frequency", "incremental", "checks")
_CHECK = ("name", "kind", "severity", "enabled")


def of_files(query: str, fields: ModelFields) -> Definition:
    """What files say."""
    said = {
        "description": fields.description,
        "materialized": fields.materialized,
        "sync_frequency": (fields.sync_frequency or DAILY) if fields.materialized else None,
        "incremental": _incremental(fields.incremental.model_dump()) if fields.incremental else None,
        "checks": [_check(check.model_dump(include=set(_CHECK)), check.config) for check in fields.checks],
    }
    return _ordered(query, said)


def of_server(answer: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> Definition:
    """What the API's objects say."""
    materialized = bool(answer["is_materialized"])
    incremental = answer.get("incremental")
    said = {
        "description": answer.get("description") or "",
        "materialized": materialized,
        "sync_frequency": (answer["sync_frequency"] or "never") if materialized else None,
        "incremental": _incremental(incremental) if incremental and incremental["enabled"] else None,
        "checks": sorted((_check(each, each["config"]) for each in checks), key=lambda each: str(each["name"])),
    }
    return _ordered(str(answer["query"]["query"]), said)


def settings_text(definition: Definition) -> str:
    """What stands beside the query, as YAML; empty where there is nothing to say."""
    said = {name: definition[name] for name in SETTINGS if name in definition}
    if "checks" in said:
        said["checks"] = [_readable(check) for check in said["checks"]]
    return write(said) if said else ""


def pairs(wanted: Definition, there: Definition) -> list[tuple[Definition | None, Definition | None]]:
    """The checks of both sides, (file's, server's): one by name, and where a file gives none, by what they say."""
    left = list(there.get("checks", ()))
    found: list[tuple[Definition | None, Definition | None]] = []
    for check in wanted.get("checks", ()):
        twin = next((each for each in left if _is_one(check, each)), None)
        if twin is not None:
            left.remove(twin)
        found.append((check, twin))
    return found + [(None, each) for each in left]


def agree(wanted: Definition, there: Definition) -> bool:
    """Whether both sides say the same; the order of checks does not matter."""
    plain = [{name: value for name, value in each.items() if name != "checks"} for each in (wanted, there)]
    return same(*plain) and all(checks_agree(one, other) for one, other in pairs(wanted, there))


def checks_agree(one: Definition | None, other: Definition | None) -> bool:
    """A check without a name has the one that the server has made of it."""
    return one is not None and other is not None and same({**one, "name": one.get("name") or other["name"]}, other)


def _is_one(check: Definition, other: Definition) -> bool:
    if check.get("name"):
        return bool(check["name"] == other["name"] and check["kind"] == other["kind"])
    return check["kind"] == other["kind"] and same(_config(check), _config(other))


def _config(check: Definition) -> Definition:
    return {name: value for name, value in check.items() if name not in _CHECK}


def body_of(check: Definition) -> dict[str, Any]:
    """A check as the API takes it."""
    said = {name: check[name] for name in _CHECK if check.get(name) is not None}
    return {"severity": "error", "enabled": True, **said, "config": _config(check)}


def _check(said: Mapping[str, Any], config: Mapping[str, Any]) -> Definition:
    defaults = {"name": None, "severity": "error", "enabled": True}
    shown = {name: said[name] for name in _CHECK if name not in defaults or said[name] != defaults[name]}
    return {**shown, **config}


def _incremental(said: Mapping[str, Any]) -> Definition:
    shown: Definition = {"incremental_key": said["incremental_key"]}
    if said["unique_key"]:
        shown["unique_key"] = list(said["unique_key"])
    if said["lookback_seconds"]:
        shown["lookback_seconds"] = said["lookback_seconds"]
    return shown


def _ordered(query: str, said: Mapping[str, Any]) -> Definition:
    return {"query": query, **{name: said[name] for name in SETTINGS if said[name]}}


def _readable(check: Definition) -> Definition:
    return {name: Block(value) if name == "query" else value for name, value in check.items()}
