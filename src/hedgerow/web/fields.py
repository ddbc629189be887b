"""Validation errors of Pydantic's in the API's words: text, code, and `attr` with its parts joined by `__`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from hedgerow.kit.errors import HedgerowError, InvalidInput, MalformedBody, NotFound

_DATETIME = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)
_DATE = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."
_INTEGER = "A valid integer is required."
_NUMBER = "A valid number is required."
_INVALID = "invalid_input"

_FIXED: Mapping[str, tuple[str, str]] = {
    "missing": ("This field is required.", "required"),
    "string_type": ("Not a valid string.", _INVALID),
    "string_unicode": ("Not a valid string.", _INVALID),
    "string_pattern_mismatch": ("This value does not match the required pattern.", _INVALID),
    "int_type": (_INTEGER, _INVALID),
    "int_parsing": (_INTEGER, _INVALID),
    "int_parsing_size": (_INTEGER, _INVALID),
    "int_from_float": (_INTEGER, _INVALID),
    "float_type": (_NUMBER, _INVALID),
    "float_parsing": (_NUMBER, _INVALID),
    "finite_number": (_NUMBER, _INVALID),
    "decimal_type": (_NUMBER, _INVALID),
    "decimal_parsing": (_NUMBER, _INVALID),
    "bool_type": ("Must be a valid boolean.", _INVALID),
    "bool_parsing": ("Must be a valid boolean.", _INVALID),
    "uuid_type": ("Must be a valid UUID.", _INVALID),
    "uuid_parsing": ("Must be a valid UUID.", _INVALID),
    "url_type": ("Enter a valid URL.", _INVALID),
    "url_parsing": ("Enter a valid URL.", _INVALID),
    "url_scheme": ("Enter a valid URL.", _INVALID),
    "extra_forbidden": ("This field is not known.", "unknown_field"),
}

_FAMILIES: Mapping[str, tuple[str, str]] = {
    "datetime_": (_DATETIME, _INVALID),
    "timezone_": (_DATETIME, _INVALID),
    "date_": (_DATE, _INVALID),
    "time_": ("Time has wrong format.", _INVALID),
    "is_instance_of": ("Not a valid value.", _INVALID),
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("Ensure this value is greater than or equal to {ge}.", "min_value"),
    "greater_than": ("Ensure this value is greater than {gt}.", "min_value"),
    "less_than_equal": ("Ensure this value is less than or equal to {le}.", "max_value"),
    "less_than": ("Ensure this value is less than {lt}.", "max_value"),
    "string_too_long": ("Ensure this field has no more than {max_length} characters.", "max_length"),
    "string_too_short": ("Ensure this field has at least {min_length} characters.", "min_length"),
    "too_long": ("Ensure this field has no more than {max_length} elements.", "max_length"),
    "too_short": ("Ensure this field has at least {min_length} elements.", "min_length"),
}


def as_error(error: Mapping[str, Any], body: object) -> HedgerowError:
    """One of Pydantic's errors about a request; `body` is the whole parsed body.

    The first part of its `loc` says where the value was: `body`, `query`, `path`, `header` or `cookie`.
    """
    where, *path = error["loc"]
    if where == "path":
        return NotFound()
    if error["type"] == "json_invalid":
        return MalformedBody(f"JSON parse error - {error.get('ctx', {}).get('error', 'invalid JSON')}")
    attr = _attr(path, body if where == "body" else None, str(error["type"]))
    if where == "body" and attr is None and isinstance(body, bytes):
        return MalformedBody("The body must be JSON, sent with the header Content-Type: application/json.")
    if where == "body" and attr is None and error["type"] in _MAPPINGS:
        return InvalidInput(f"Invalid data. Expected a dictionary, but got {_json_type(body)}.")
    detail, code = _words(error)
    return InvalidInput(detail, attr=attr, code=code)


def from_validation(error: ValidationError, body: object, prefix: Sequence[str] = ()) -> HedgerowError:
    """The first error of a model that a room validated itself; `prefix` are the attr's parts above `body`."""
    first = error.errors(include_url=False)[0]
    found = as_error({**first, "loc": ("body", *first["loc"])}, body)
    if prefix:
        found.attr = "__".join([*prefix, *([found.attr] if found.attr else [])])
    return found


def missing_body(route: object) -> HedgerowError:
    """The error of a request without a body: that of an empty object, as `route`'s model sees it."""
    field = getattr(route, "body_field", None)
    if field is not None:
        _, errors = field.validate({}, {}, loc=("body",))
        if errors:
            return as_error(errors[0], {})
    return InvalidInput("This field is required.", code="required")


_MAPPINGS = {"dict_type", "model_type", "model_attributes_type", "mapping_type", "dataclass_type"}
_LISTS = {"list_type", "tuple_type", "set_type", "frozen_set_type"}


def _words(error: Mapping[str, Any]) -> tuple[str, str]:
    kind, value, context = str(error["type"]), error.get("input"), error.get("ctx") or {}
    if value is None and kind != "missing" and kind not in _WRITTEN:
        return "This field may not be null.", "null"
    if kind == "string_too_short" and value == "":
        return "This field may not be blank.", "blank"
    if kind in _BOUNDS:
        text, code = _BOUNDS[kind]
        return text.format(**context), code
    if kind in _FIXED:
        return _FIXED[kind]
    special = _WRITTEN.get(kind)
    if special is not None:
        return special(value, context, str(error.get("msg", "")))
    if kind in _MAPPINGS:
        return f'Expected a dictionary of items but got type "{_json_type(value)}".', "not_a_dict"
    if kind in _LISTS:
        return f'Expected a list of items but got type "{_json_type(value)}".', "not_a_list"
    family = next((words for start, words in _FAMILIES.items() if kind.startswith(start)), None)
    return family or (str(error.get("msg", "Invalid input.")), _INVALID)


def _choice(value: object, _: Mapping[str, Any], __: str) -> tuple[str, str]:
    return (f'"{_shortened(value)}" is not a valid choice.', "invalid_choice") if value is not None else _NULL


def _own_words(_: object, context: Mapping[str, Any], message: str) -> tuple[str, str]:
    """A validator's own `ValueError`: its text is meant for the caller."""
    return str(context.get("error") or message), _INVALID


_NULL = ("This field may not be null.", "null")
_WRITTEN: Mapping[str, Callable[[object, Mapping[str, Any], str], tuple[str, str]]] = {
    "literal_error": _choice,
    "enum": _choice,
    "union_tag_invalid": lambda value, context, _: (f'"{context.get("tag")}" is not a valid choice.', "invalid_choice"),
    "union_tag_not_found": lambda *_: ("This field is required.", "required"),
    "value_error": _own_words,
    "assertion_error": _own_words,
}


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _json_type(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _attr(path: Sequence[str | int], body: object, kind: str) -> str | None:
    """The field's path. Pydantic mixes the names of union members into it: what is not in the data is one of those."""
    parts: list[str] = []
    at = body
    for position, part in enumerate(path):
        last = position == len(path) - 1
        if body is None:
            parts.append(str(part))
        elif isinstance(at, dict) and (part in at or (last and kind == "missing")):
            parts.append(str(part))
            at = at.get(part)
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            parts.append(str(part))
            at = at[part]
    return "__".join(parts) or None
