"""What a GET says in its query string: options by reserved names, variables by their own, typed as declared."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError

from hedgerow.endpoints.bodies import VersionReference
from hedgerow.endpoints.run.bodies import FormatName, Mode, QueryId, RunBody
from hedgerow.endpoints.run.memory import Definition
from hedgerow.kit.errors import InvalidInput
from hedgerow.web.fields import from_validation

_OPTIONS = ("refresh", "debug", "client_query_id")


class RunQuery(BaseModel):
    """The options, as the schema tells of them."""

    version: VersionReference | None = None
    limit: int | None = Field(None, ge=1, description="Rows a page.")
    offset: int | None = Field(None, ge=0, description="Rows to skip; needs `limit`.")
    refresh: Mode | None = None
    debug: bool | None = Field(None, description="Keep `hogql`, `timings` and such in the answer.")
    client_query_id: QueryId | None = Field(None, description="The query's id, to cancel it by.")
    variables: str | None = Field(
        None, description="Values by code name, as a JSON object: for names that are options, and for null."
    )
    format: FormatName | None = Field(None, description="Else `Accept` chooses.")


RESERVED = frozenset({*RunQuery.model_fields, "personal_api_key", "token"})
"""What a variable of the same name is not given by: `variables[limit]=5` gives a variable `limit`."""
_PASSED_OVER = "_"
"""What some clients add with a new value each time, to go round caches."""
_START = "variables["


def options(query_string: Mapping[str, str]) -> RunBody:
    """The options as a body has them, without variables. Raises `InvalidInput`."""
    said = {name: query_string[name] for name in _OPTIONS if name in query_string}
    try:
        body = RunBody.model_validate(said)
    except ValidationError as error:
        raise from_validation(error, said) from error
    body.mode()
    return body


def texts(query_string: Mapping[str, str]) -> dict[str, Any]:
    """What is given of variables, as it came: texts by name, several where a key comes several times.

    Raises `InvalidInput` for a name that is given in two ways.
    """
    whole = _object(query_string.get("variables"))
    found: dict[str, list[str]] = {}
    keys: dict[str, str] = {}
    for key, value in _items(query_string):
        name = _variable(key)
        if name is None:
            continue
        if keys.setdefault(name, key) != key or name in whole:
            raise InvalidInput(f"Variable {name[:60]} is given in two ways.", attr="variables")
        found.setdefault(name, []).append(value)
    return {**whole, **found}


def values(query_string: Mapping[str, str], definition: Definition, given: Mapping[str, Any]) -> dict[str, Any]:
    """The `texts` as values of their variables' types; unknown names stay, for whoever refuses them.

    What came as JSON is of its type already. Raises `InvalidInput` that names the variable.
    """
    whole = _object(query_string.get("variables"))
    return {
        name: value
        if name in whole or name not in definition.types
        else definition.types[name].read(name, value, definition.values[name])
        for name, value in given.items()
    }


def _items(query_string: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    several = getattr(query_string, "multi_items", query_string.items)
    yield from several()


def _variable(key: str) -> str | None:
    """The variable that a key gives; a list may be written `name[]`."""
    if key.startswith(_START):
        return key[len(_START) :].removesuffix("[]").removesuffix("]")
    if key in RESERVED or key == _PASSED_OVER:
        return None
    return key.removesuffix("[]")


def _object(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput('variables must be a JSON object, such as {"name": "value"}.', attr="variables")
    return found
