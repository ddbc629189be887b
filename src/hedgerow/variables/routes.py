"""The routes of insight variables."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from hedgerow.kit.clock import iso
from hedgerow.kit.errors import InvalidInput
from hedgerow.store import Store
from hedgerow.variables.shelf import Variable, Variables
from hedgerow.web import pages
from hedgerow.web.access import Access, Gate
from hedgerow.web.changing import changing

_PAGE = 500
Name = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
Kind = Literal["String", "Number", "Boolean", "List", "Date"]


class VariableChange(BaseModel):
    """What may be said of a variable; the rest is passed over."""

    model_config = ConfigDict(extra="ignore")
    name: Name = ""
    type: Kind = "String"
    default_value: JsonValue = Field(
        None, description="Any JSON; what `{variables.code_name}` is when nothing is given."
    )
    values: list[JsonValue] | None = Field(None, description="The choices of a List.")

    def said(self) -> dict[str, Any]:
        """What was said, and nothing else."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class NewVariable(VariableChange):
    """A variable to make."""

    name: Name
    type: Kind


def router(store: Store, variables: Variables, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _reading(routes, store, variables, gate)
    _writing(routes, store, variables, gate)
    return routes


def _reading(routes: APIRouter, store: Store, variables: Variables, gate: Gate) -> None:
    may_read = gate.project("insight_variable:read")

    @routes.get("/insight_variables")
    def list_variables(request: Request, access: Annotated[Access, Depends(may_read)]) -> dict[str, Any]:
        """Variables in the order they were made; `?page=` counts from 1."""
        page = pages.by_page(request, _PAGE)
        with store.read() as session:
            count, found = variables.page(session, access.project_id, page.limit, page.offset)
        return page.envelope(count, [shown(variable) for variable in found])

    @routes.get("/insight_variables/{variable_id}")
    def get_variable(access: Annotated[Access, Depends(may_read)], variable_id: UUID) -> dict[str, Any]:
        """One variable."""
        with store.read() as session:
            return shown(variables.get(session, access.project_id, variable_id))


def _writing(routes: APIRouter, store: Store, variables: Variables, gate: Gate) -> None:
    may_write = gate.project("insight_variable:write")

    @routes.post("/insight_variables", status_code=201)
    def create_variable(access: Annotated[Access, Depends(may_write)], body: NewVariable) -> dict[str, Any]:
        """Name a value that callers of a query may choose."""
        said = _checked(body.said(), body.type)
        with store.write() as session:
            return shown(variables.add(session, access.project_id, access.principal.user_id, said))

    @changing(routes, "/insight_variables/{variable_id}", NewVariable, "As PATCH, with name and type required.")
    def change_variable(
        access: Annotated[Access, Depends(may_write)], variable_id: UUID, body: VariableChange
    ) -> dict[str, Any]:
        """Set what is said; the code name stays as it is."""
        with store.write() as session:
            present = variables.get(session, access.project_id, variable_id)
            kept = {"type": present.type, "values": present.values, "default_value": present.default_value}
            said = _checked(kept | body.said(), present.type)
            by = access.principal.user_id
            return shown(variables.change(session, access.project_id, variable_id, by, said))

    @routes.delete("/insight_variables/{variable_id}", status_code=204)
    def delete_variable(access: Annotated[Access, Depends(may_write)], variable_id: UUID) -> None:
        """Delete a variable. Endpoints that use it keep the value they have."""
        with store.write() as session:
            variables.delete(session, access.project_id, variable_id, access.principal.user_id)


def shown(variable: Variable) -> dict[str, Any]:
    """A variable as the API answers it."""
    return {
        "id": str(variable.id),
        "name": variable.name,
        "type": variable.type,
        "default_value": variable.default_value,
        "created_by": variable.created_by,
        "created_at": iso(variable.created_at),
        "code_name": variable.code_name,
        "values": variable.values,
        # Of newer clients: a variable here has one value, and its choices are those of `values`.
        "is_multi": False,
        "values_query": None,
        "values_query_connection_id": None,
    }


def _checked(said: dict[str, Any], present: str) -> dict[str, Any]:
    """A List's choices are texts or numbers, kept as texts, and its default is one of them."""
    if said.get("type", present) != "List" or said.get("values") is None:
        return said
    choices = []
    for place, value in enumerate(said["values"]):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            kind = {dict: "object", list: "array", bool: "boolean"}.get(type(value), "null")
            article = "an" if kind in {"object", "array"} else "a"
            text = f"List variable values must be strings or numbers (got {article} {kind} at index {place})."
            raise InvalidInput(text, attr="values")
        choices.append(value if isinstance(value, str) else str(value))
    default = said.get("default_value")
    if default is not None and str(default) not in choices:
        raise InvalidInput("The default of a List must be one of its values.", attr="default_value")
    return {**said, "values": choices}
