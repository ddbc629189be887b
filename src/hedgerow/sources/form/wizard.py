"""The wizard: every type of source, with the form of those that can be connected."""

from collections.abc import Mapping
from typing import Any

from hedgerow.connectors import Connectors, Declaration, Field
from hedgerow.sources.kinds import KNOWN

_KINDS = {"switch": "switch-group", "json": "textarea"}


def wizard(connectors: Connectors, existing: Mapping[str, int]) -> dict[str, Any]:
    """By type's name. `existing` counts the project's sources of each type."""
    declared = {each.declaration.source_type: each.declaration for each in connectors}
    names = sorted(KNOWN | set(declared), key=str.lower)
    return {name: _entry(name, declared.get(name), bool(existing.get(name))) for name in names}


def _entry(name: str, declaration: Declaration | None, existing: bool) -> dict[str, Any]:
    told = declaration or Declaration(name, name, "", "", (), category="", release="alpha")
    return {
        "name": name,
        "label": told.label,
        "caption": told.caption,
        "category": told.category or None,
        "iconPath": f"/static/services/{name.lower()}.png",
        "iconClassName": None,
        "docsUrl": told.docs_url or None,
        "featureFlag": None,
        "featured": False,
        "keywords": list(told.keywords),
        "fields": [_field(field) for field in told.fields],
        "permissionsCaption": None,
        "releaseStatus": told.release,
        "suggestedTables": [],
        "supportsColumnSelection": declaration is not None,
        "supportsDirectQuery": told.live,
        "unreleasedSource": declaration is None,
        "existingSource": existing,
        "disabledReason": None,
        "webhookFields": [_field(field) for field in told.webhook.fields] if told.webhook else None,
        "webhookManualOnly": False,
        "webhookSetupCaption": told.webhook.caption if told.webhook else None,
    }


def _field(field: Field) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "type": _KINDS.get(field.kind, field.kind),
        "name": field.name,
        "label": field.label,
        "required": field.required,
        "placeholder": field.placeholder,
        "secret": field.hidden,
        "caption": field.caption or None,
    }
    if field.kind == "select":
        default = field.options[0].value if field.default is None and field.options else field.default
        options = [{"label": o.label, "value": o.value, "fields": [_field(f) for f in o.fields]} for o in field.options]
        shape |= {"defaultValue": default, "multiple": False, "options": options}
    if field.kind == "switch":
        shape |= {"default": bool(field.default), "fields": [_field(inner) for inner in field.fields]}
    elif field.default is not None:
        shape["defaultValue"] = field.default
    return shape
