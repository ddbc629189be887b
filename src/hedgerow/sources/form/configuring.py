"""The values of a source's form: checked, merged over those that are kept, and shown without secrets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from hedgerow.connectors import Declaration, Field
from hedgerow.warehouse.errors import ActionRefused

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


class ConfigInvalid(ActionRefused):
    """Values of the form are missing or wrong; the text names every one of them."""

    def __init__(self, faults: Sequence[str], attr: str | None = None) -> None:
        super().__init__(f"Invalid source config: {', '.join(faults)}", attr=attr)


class _Wrong(Exception):
    """One value is wrong."""


def cleaned(declaration: Declaration, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as connectors take them: numbers are `int`, switches `bool`; raises `ConfigInvalid`."""
    said = _said(declaration, given)
    values: dict[str, Any] = {}
    faults: list[str] = []
    wrong: list[str] = []
    for field in declaration.fields:
        before = len(faults)
        values |= _cleaned((field,), said, faults)
        if len(faults) > before:
            wrong.append(field.name)
    if faults:
        raise ConfigInvalid(faults, attr=wrong[0])
    return values


def merged(declaration: Declaration, kept: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with what is given over it, checked. A secret that is not given anew stays as it is."""
    said = _said(declaration, given)
    return cleaned(declaration, _merged(declaration.fields, kept, said))


def shown(declaration: Declaration, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What of it may be answered: declared values that are no secret."""
    return _shown(declaration.fields, kept)


def secrets_of(declaration: Declaration, values: Mapping[str, Any]) -> set[str]:
    """Where there are secrets among the values: the paths of their fields."""
    return set(_secrets(declaration.fields, values, values, ""))


def secrets_given(declaration: Declaration, given: Mapping[str, Any], whole: Mapping[str, Any]) -> set[str]:
    """Which secrets of `whole` a change gives anew."""
    return set(_secrets(declaration.fields, declaration.normalise(_trimmed(given)), whole, ""))


def _said(declaration: Declaration, given: Mapping[str, Any]) -> dict[str, Any]:
    tunnel = given.get("ssh_tunnel")
    wanted = tunnel.get("enabled") if isinstance(tunnel, Mapping) else tunnel
    if wanted and str(wanted).lower() not in _FALSE and "ssh_tunnel" not in {f.name for f in declaration.fields}:
        # Without it the connection would be made, and in the open.
        raise ConfigInvalid([f"{declaration.source_type} sources know no SSH tunnels"], attr="ssh_tunnel")
    return dict(declaration.normalise(_trimmed(given)))


def _trimmed(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}


def _cleaned(fields: Sequence[Field], given: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in fields:
        value = given.get(field.name)
        if value is None or value == "":
            value = field.default
        if value is None:
            if field.required:
                faults.append(f"Required field '{field.name}' is missing")
            continue
        try:
            values[field.name] = _value(field, value, faults)
        except _Wrong as wrong:
            faults.append(f"Field '{field.name}' {wrong}")
    return values


def _value(field: Field, value: Any, faults: list[str]) -> Any:
    if field.kind == "number":
        return _number(value)
    if field.kind == "ssh-tunnel":
        inside: list[str] = []
        values = _switch(field, value, inside)
        faults += [f"SSH tunnel: {fault}" for fault in inside]
        return values
    if field.kind in {"switch", "switch-group"}:
        return _switch(field, value, faults)
    if field.kind == "select":
        return _choice(field, value, faults)
    if field.kind == "json":
        return _json(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Wrong("must be a text")
    return str(value)


def _number(value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise _Wrong("must be a whole number") from None


def _switch(field: Field, value: Any, faults: list[str]) -> Any:
    if field.kind == "switch" and not field.fields:
        return _flag(value)
    inner = value if isinstance(value, Mapping) else {"enabled": value}
    enabled = _flag(inner.get("enabled", False))
    return {"enabled": enabled, **(_cleaned(field.fields, inner, faults) if enabled else {})}


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise _Wrong("must be true or false")


def _choice(field: Field, value: Any, faults: list[str]) -> Any:
    nested = any(option.fields for option in field.options)
    inner = value if isinstance(value, Mapping) else {"selection": value}
    chosen = inner.get("selection", field.default)
    option = next((option for option in field.options if option.value == str(chosen)), None)
    if option is None:
        raise _Wrong(f"must be one of {', '.join(option.value for option in field.options)}")
    return {"selection": option.value, **_cleaned(option.fields, inner, faults)} if nested else option.value


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _Wrong(f"is not JSON: {error}") from None


def _inner(field: Field, value: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields inside a container, as it stands."""
    if field.kind == "select":
        return next((o.fields for o in field.options if o.value == value.get("selection")), ())
    return field.fields


def _merged(fields: Sequence[Field], kept: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(kept)
    for field in fields:
        if field.name not in said:
            continue
        old, new = kept.get(field.name), said[field.name]
        if isinstance(old, Mapping) and isinstance(new, Mapping) and field.kind != "json":
            switched = new.get("selection", old.get("selection")) != old.get("selection")
            within: Mapping[str, Any] = {} if switched else old  # another branch's secrets are dropped
            values[field.name] = {**_merged(_inner(field, {**old, **new}), within, new), **_structure(new)}
        elif field.hidden and new in (None, ""):
            continue
        else:
            values[field.name] = new
    return values


def _structure(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a container says beside its fields."""
    return {name: value[name] for name in ("selection", "enabled") if value.get(name) is not None}


def _shown(fields: Sequence[Field], kept: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for field in fields:
        value = kept.get(field.name)
        if value is None or field.hidden:
            continue
        if isinstance(value, Mapping) and field.kind != "json":
            value = {**_structure(value), **_shown(_inner(field, value), value)}
        answer[field.name] = value
    return answer


def _secrets(fields: Sequence[Field], values: Mapping[str, Any], whole: Mapping[str, Any], path: str) -> Iterator[str]:
    """`whole` tells which choices were made, where `values` are a part of it."""
    for field in fields:
        value, around = values.get(field.name), whole.get(field.name)
        if value in (None, ""):
            continue
        if field.hidden:
            yield path + field.name
        elif isinstance(value, Mapping) and isinstance(around, Mapping) and field.kind != "json":
            yield from _secrets(_inner(field, around), value, around, f"{path}{field.name}.")
