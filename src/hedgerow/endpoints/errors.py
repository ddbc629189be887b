"""What is said about endpoints that cannot be found, made or run."""

from collections.abc import Iterable, Sequence
from typing import Any

from hedgerow.kit.errors import BareError, InvalidInput, NotFound


class NameTaken(InvalidInput):
    """Another endpoint has the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Endpoint with name '{name}' already exists.", attr="name")


class CannotMaterialize(InvalidInput):
    """A version cannot be made into a table; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cannot materialize endpoint. Reason: {reason}", attr="is_materialized")


def no_endpoint(name: str) -> NotFound:
    """404 in the usual shape."""
    shown = name if len(name) <= 128 else f"{name[:128]}…"
    return NotFound(f"Endpoint '{shown}' not found.")


def no_version(number: int | str, current: int | None = None) -> BareError:
    """404 in the hand-made shape; a run tells the current version too."""
    body: dict[str, Any] = {"error": f"Version {_short(number)} not found"}
    if current is not None:
        body["current_version"] = current
    return BareError(404, body)


def no_alias(alias: str) -> InvalidInput:
    """400 for a version that is called by a name that nobody has given."""
    text = f"{_short(alias)} is neither the number of a version nor an alias of this endpoint."
    return InvalidInput(text, attr="version")


def unknown_variables(unknown: Sequence[str], known: Iterable[str]) -> InvalidInput:
    """400 that names what was given and what there is."""
    shown = ", ".join(name[:60] for name in unknown[:10])
    text = f"Unknown variable(s): {shown}. This endpoint's variables: {', '.join(known) or 'none'}."
    return InvalidInput(text, attr="variables")


def bad_parameter(text: str) -> BareError:
    """400 in the hand-made shape, for what a run's query string or page says."""
    return BareError(400, {"error": text})


def _short(version: int | str) -> str:
    text, most = str(version), 20 if isinstance(version, int) else 64
    return text if len(text) <= most else f"{text[:most]}…"
