"""Placeholders: `{variables.x}` becomes a value bound under its name; any other has to be gone by the end."""

import difflib
from collections.abc import Mapping
from typing import Any

from hedgerow.language.query.errors import QueryFault
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.query.resolved import VariableValue
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk


def variable_name(node: nodes.Node) -> str | None:
    """`x` of `{variables.x}`; `None` for any other node."""
    if not isinstance(node, nodes.Placeholder) or not isinstance(node.expr, nodes.Field):
        return None
    chain = node.expr.chain
    return str(chain[1]) if len(chain) == 2 and chain[0] == "variables" else None


def find_variables(tree: nodes.Node) -> list[str]:
    """The names of all variables, in the order of their first use."""
    return list(dict.fromkeys(name for node in walk(tree) if (name := variable_name(node)) is not None))


def replace_variables(tree: nodes.AnySelect, variables: Mapping[str, Any]) -> nodes.AnySelect:
    """Every `{variables.x}` as a constant; raises `QueryFault` for one that has no value."""

    def change(node: nodes.Node) -> nodes.Node | None:
        name = variable_name(node)
        if name is None:
            return None
        if name not in variables:
            close = difflib.get_close_matches(name, variables, n=3)
            hint = f" Did you mean: {', '.join(close)}?" if close else ""
            raise QueryFault(f"Variable {name} is missing from query.{hint}", node)
        return VariableValue(_checked(variables[name], node), variable=name, span=node.span)

    replaced: nodes.AnySelect = rebuild(tree, change)
    return replaced


def refuse_placeholders(tree: nodes.Node) -> None:
    """Raise `QueryFault` for a placeholder that nothing has replaced."""
    for node in walk(tree):
        if isinstance(node, nodes.Placeholder):
            text = ".".join(map(str, node.expr.chain)) if isinstance(node.expr, nodes.Field) else "…"
            raise QueryFault(f"Unresolved placeholder: {{{text}}}", node)


def _checked(value: Any, node: nodes.Node) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [_checked_item(item, node) for item in value]
    raise QueryFault("The value of a variable must be a text, a number, a boolean, a list of those, or null", node)


def _checked_item(value: Any, node: nodes.Node) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise QueryFault("A list given as a variable may hold texts, numbers, booleans and null", node)
