"""What a push will do: compared first, told, and only then done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hedgerow.gitops.endpoints.definitions import (
    Definition,
    completed,
    setting,
    value_of,
    variables_of,
)
from hedgerow.gitops.endpoints.fields import DEFAULTS
from hedgerow.gitops.endpoints.sides import Local, Present, There
from hedgerow.gitops.faults import Faults
from hedgerow.gitops.values import same
from hedgerow.kit.errors import HedgerowError


@dataclass(frozen=True, slots=True)
class VariablePlan:
    """An insight variable to make, or to change where `id` says which. `body` is what is sent."""

    code_name: str
    body: Mapping[str, Any]
    source: Local
    id: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """What becomes of one endpoint.

    `settings`: those that change, with their new values. `bump`: the query changes, which makes the next version.
    `aliases`: the versions they are to mean; `None` is an alias to forget.
    """

    name: str
    source: Local | None
    present: Present | None
    wanted: Definition
    settings: Mapping[str, Any] = field(default_factory=dict)
    bump: bool = False
    aliases: Mapping[str, int | None] = field(default_factory=dict)
    default_alias: tuple[str | None, str | None] = (None, None)

    @property
    def version(self) -> int:
        """The current version once this is done."""
        return 1 if self.present is None else self.present.version + self.bump

    @property
    def deed(self) -> str:
        """In a word: `delete`, `create`, `version`, `update` or `unchanged`."""
        if self.source is None:
            return "delete"
        if self.present is None:
            return "create"
        if self.bump:
            return "version"
        changed = self.settings or self.aliases or self.default_alias[0] != self.default_alias[1]
        return "update" if changed else "unchanged"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole push, in the order in which it is done. `ids`: those of variables that are there, by code name."""

    variables: Sequence[VariablePlan]
    endpoints: Sequence[EndpointPlan]
    ids: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        return not self.variables and all(each.deed == "unchanged" for each in self.endpoints)


def plan(files: Sequence[Local], found: There, *, prune: bool = False, aliases: bool = True) -> Plan:
    """What has to be done until the server is as the files say; raises `Faults`.

    `prune` deletes what no file has; without `aliases` those on the server stay as they are.
    """
    faults: list[HedgerowError] = []
    variables = _variables(files, found, faults)
    if not aliases:
        files = [_without_aliases(each, found.endpoints.get(each.name)) for each in files]
    endpoints = [_endpoint(each, found.endpoints.get(each.name), faults) for each in files]
    if faults:
        raise Faults(faults)
    if prune:
        named = {each.name for each in files}
        gone = [each for name, each in found.endpoints.items() if name not in named]
        endpoints += [EndpointPlan(each.name, None, each, each.definition) for each in gone]
    return Plan(variables, endpoints, {name: str(each["id"]) for name, each in found.variables.items()})


def pinned(wanted: Definition, version: int) -> Definition:
    """With the number where an alias says `latest`."""
    aliases = {name: version if said == "latest" else said for name, said in wanted.get("aliases", {}).items()}
    return {**wanted, "aliases": aliases} if aliases else wanted


def _endpoint(source: Local, present: Present | None, faults: list[HedgerowError]) -> EndpointPlan:
    if present is None:
        return _new(source, faults)
    there = present.definition
    wanted = completed(source.definition, there)
    bump = not same(wanted["query"], there["query"]) or _values_differ(wanted, there)
    settings = {
        name: setting(wanted, name) for name in DEFAULTS if not same(setting(wanted, name), setting(there, name))
    }
    if "bucket_overrides" in settings and setting(wanted, "is_materialized"):
        settings["is_materialized"] = True
    wanted = pinned(wanted, present.version + bump)
    _check_aliases(source, wanted, present.version + bump, faults)
    old, new = there.get("aliases", {}), wanted.get("aliases", {})
    moved = {name: version for name, version in new.items() if old.get(name) != version}
    aliases = {**moved, **{name: None for name in old if name not in new}}
    default = there.get("default_alias"), wanted.get("default_alias")
    return EndpointPlan(source.name, source, present, wanted, settings, bump, aliases, default)


def _without_aliases(source: Local, present: Present | None) -> Local:
    names = ("aliases", "default_alias")
    kept = {} if present is None else {name: present.definition[name] for name in names if name in present.definition}
    rest = {name: value for name, value in source.definition.items() if name not in names}
    return replace(source, definition={**rest, **kept})


def _new(source: Local, faults: list[HedgerowError]) -> EndpointPlan:
    wanted = pinned(source.definition, 1)
    _check_aliases(source, wanted, 1, faults)
    settings = {name: wanted[name] for name in DEFAULTS if name in wanted}
    both = None, wanted.get("default_alias")
    return EndpointPlan(source.name, source, None, wanted, settings, False, wanted.get("aliases", {}), both)


def _values_differ(wanted: Definition, there: Definition) -> bool:
    before, after = variables_of(there), variables_of(wanted)
    return any(name not in before or not same(value_of(said), value_of(before[name])) for name, said in after.items())


def _check_aliases(source: Local, wanted: Definition, version: int, faults: list[HedgerowError]) -> None:
    for name, number in wanted.get("aliases", {}).items():
        if number > version:
            text = f"there is no version {number}: the current one is {version} after this push"
            faults.append(source.document.fault(text, "aliases", name))


def _variables(files: Sequence[Local], found: There, faults: list[HedgerowError]) -> list[VariablePlan]:
    plans: dict[str, VariablePlan] = {}
    first: dict[str, tuple[Local, Mapping[str, Any]]] = {}
    for source in files:
        for name, said in variables_of(source.definition).items():
            known = found.variables.get(name)
            if "type" not in said:
                _require(source, name, found, faults)
                continue
            shared = {key: value for key, value in said.items() if key != "value"}
            if name in first and not same(shared, first[name][1]):
                text = f"{first[name][0].document.file} says something else of it: a variable is one for all endpoints"
                faults.append(source.document.fault(text, "variables", name))
                continue
            first.setdefault(name, (source, shared))
            _check_name(source, name, said, known, faults)
            body = _changed(name, said, known)
            if body:
                plans.setdefault(name, VariablePlan(name, body, source, str(known["id"]) if known else None))
    return list(plans.values())


def _changed(name: str, said: Mapping[str, Any], known: Mapping[str, Any] | None) -> dict[str, Any]:
    body = {
        "name": said.get("name", known["name"] if known else name),
        "type": said["type"],
        "default_value": said.get("default"),
        "values": said.get("values"),
    }
    if known is None:
        return {key: value for key, value in body.items() if value is not None}
    if all(same(value, known.get(key)) for key, value in body.items()):
        return {}
    return body


def _require(source: Local, name: str, found: There, faults: list[HedgerowError]) -> None:
    present = found.endpoints.get(source.name)
    stored = present is not None and name in variables_of(present.definition)
    if name not in found.variables and not stored:
        faults.append(source.document.fault("the project has no such variable: give its type", "variables", name))


def _check_name(
    source: Local, name: str, said: Mapping[str, Any], known: Mapping[str, Any] | None, faults: list[HedgerowError]
) -> None:
    if known is None and (called := _code_name(said.get("name", name))) != name:
        text = f"queries would call a variable of this name {called}"
        faults.append(source.document.fault(text, "variables", name))


def _code_name(name: str) -> str:
    """What the server makes of a new variable's name."""
    kept = "".join(character for character in name.strip() if character.isalnum() or character in " _")
    return kept.replace(" ", "_").lower()
