"""Our trees in the published parser's JSON form, both reduced to what they say: nulls and defaults left out."""

import math
from dataclasses import fields
from typing import Any

from hedgerow.language.syntax import nodes

_OURS_ALONE = {"span", "nulls", "hidden"}
_SELECT_LISTS = {"ctes"}


def wire(node: Any) -> Any:
    """A node, or what is in one, as the published parser would write it."""
    if isinstance(node, nodes.Constant):
        return _constant(node.value)
    if isinstance(node, nodes.Node):
        made = {"node": type(node).__name__}
        for field in fields(node):
            if field.name not in _OURS_ALONE:
                made[field.name.rstrip("_")] = _value(field.name, getattr(node, field.name))
        return reduced(made)
    if isinstance(node, list | tuple):
        return [wire(item) for item in node]
    if isinstance(node, dict):
        return {key: wire(value) for key, value in node.items()}
    return node


def _value(name: str, value: Any) -> Any:
    if name in _SELECT_LISTS and isinstance(value, dict):
        return [wire(item) for item in value.values()]
    return wire(value)


def _constant(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return {"node": "Constant", "value": name, "value_type": "number"}
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return {"node": "Constant", "value": str(value), "value_type": "number"}
    return {"node": "Constant", "value": value}


def reduced(tree: Any) -> Any:
    """Without nulls, without `false`, without the default order, and with one name for `else`."""
    if isinstance(tree, dict):
        if tree.get("node") == "Constant":
            return tree
        made = {}
        for key, value in tree.items():
            if value is None or value is False:
                continue
            made["else" if key == "else_" else key] = reduced(value)
        return made
    if isinstance(tree, list):
        return [reduced(item) for item in tree]
    return tree
