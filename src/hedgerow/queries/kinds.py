"""The kinds of query there are: each a Pydantic model, known by its `kind`; later rooms register theirs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from hedgerow.kit.errors import InvalidInput
from hedgerow.web.fields import from_validation

_MOST_TEXT = 1 << 24


class VariableUse(BaseModel):
    """A variable in a query's `variables`: its insight variable's id, its name in the text, and its value here."""

    model_config = ConfigDict(extra="ignore")
    variableId: str | None = None  # noqa: N815  (the API's own name)
    code_name: str
    value: JsonValue = None
    isNull: bool | None = None  # noqa: N815  (the API's own name)


class HogQLQuery(BaseModel):
    """A query in SQL. Its dump holds every key that was not given as null."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["HogQLQuery"] = "HogQLQuery"
    query: str = Field(max_length=_MOST_TEXT)
    connectionId: str | None = None  # noqa: N815  (the API's own name)
    explain: bool | None = None
    filters: dict[str, JsonValue] | None = None
    modifiers: dict[str, JsonValue] | None = None
    name: str | None = None
    response: dict[str, JsonValue] | None = None
    sendRawQuery: bool | None = None  # noqa: N815  (the API's own name)
    tags: dict[str, JsonValue] | None = None
    values: dict[str, JsonValue] | None = None
    variables: dict[str, VariableUse] | None = None
    version: float | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of query. `publishable`: whether an endpoint may hold one."""

    name: str
    model: type[BaseModel]
    publishable: bool = False


class Kinds:
    """The registry; `app.py` fills it."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def names(self, *, publishable: bool = False) -> list[str]:
        """All there are, or those an endpoint may hold."""
        return [kind.name for kind in self._kinds.values() if kind.publishable or not publishable]

    def reads_rows(self, query: BaseModel) -> bool:
        """Whether a query that was read is of a kind that asks the engine for rows."""
        return self._kinds[query.kind].publishable  # type: ignore[attr-defined]

    def find(self, name: object, *, attr: str = "query", publishable: bool = False) -> Kind:
        """The kind of that name. Raises `InvalidInput` that names those there are."""
        kind = self._kinds.get(name) if isinstance(name, str) else None
        if kind is None or (publishable and not kind.publishable):
            known = ", ".join(self.names(publishable=publishable))
            text = f"Queries of kind {_shortened(name)} are not supported. Supported kinds: {known}."
            raise InvalidInput(text, attr=attr)
        return kind

    def read(self, query: object, *, attr: str = "query", publishable: bool = False) -> BaseModel:
        """The query as its kind's model. Raises `InvalidInput` with `attr`, its parts joined by `__`."""
        if not isinstance(query, dict):
            raise InvalidInput("Invalid data. Expected a dictionary that holds a query.", attr=attr)
        name = query.get("kind")
        if name is None:
            raise InvalidInput("This field is required.", attr=f"{attr}__kind", code="required")
        kind = self.find(name, attr=f"{attr}__kind" if not publishable else attr, publishable=publishable)
        try:
            return kind.model.model_validate(query)
        except ValidationError as error:
            raise from_validation(error, query, [attr]) from error


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"


HOGQL = Kind("HogQLQuery", HogQLQuery, publishable=True)
