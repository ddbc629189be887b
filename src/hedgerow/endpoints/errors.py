"""What is said about endpoints that cannot be found, made or run."""

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


def no_version(number: int, current: int | None = None) -> BareError:
    """404 in the hand-made shape; a run tells the current version too."""
    body: dict[str, Any] = {"error": f"Version {_short(number)} not found"}
    if current is not None:
        body["current_version"] = current
    return BareError(404, body)


def bad_parameter(text: str) -> BareError:
    """400 in the hand-made shape, for what a run's query string or page says."""
    return BareError(400, {"error": text})


def _short(number: int) -> str:
    text = str(number)
    return text if len(text) <= 20 else f"{text[:20]}…"
