"""The values a query's variables have: given with the request, else with the query, else the insight variable's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hedgerow.kit.errors import InvalidInput
from hedgerow.queries.kinds import HogQLQuery, VariableUse
from hedgerow.store import Store
from hedgerow.variables import Variable, Variables


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a request says beside its query: `variables` by insight variable's id, `filters` over the query's own."""

    variables: Mapping[str, VariableUse]
    filters: Mapping[str, Any] | None = None


def variable_values(store: Store, project_id: int, query: HogQLQuery, overrides: Overrides) -> dict[str, Any]:
    """Code name → value. Asks the store only when the query names insight variables; raises `InvalidInput`."""
    uses = dict(query.variables or {})
    for key, use in overrides.variables.items():
        uses[_key_of(uses, key, use)] = use
    ids = {use.variableId for use in uses.values() if use.variableId}
    stored = _stored(store, project_id, ids) if ids else {}
    values = {}
    for use in uses.values():
        if use.variableId and use.variableId not in stored:
            raise InvalidInput(f"Variable {use.code_name} does not exist", attr="query__variables")
        values[use.code_name] = value_of(use, stored.get(use.variableId or ""))
    return values


def value_of(use: VariableUse, stored: Variable | None) -> Any:
    """The value of one use: null when it says so, else its own, else the default of the insight variable."""
    if use.isNull:
        return None
    if use.value is not None or stored is None:
        return use.value
    return stored.default_value


def _key_of(uses: Mapping[str, VariableUse], key: str, override: VariableUse) -> str:
    """Under which key the query itself holds the variable that is overridden."""
    for own, use in uses.items():
        if own == key or use.code_name == override.code_name:
            return own
    return key


def _stored(store: Store, project_id: int, ids: set[str]) -> dict[str, Variable]:
    known: dict[UUID, str] = {}
    for text in ids:
        try:
            known[UUID(text)] = text
        except ValueError:
            continue
    with store.read() as session:
        found = Variables().by_ids(session, project_id, known)
    return {known[identifier]: variable for identifier, variable in found.items()}
