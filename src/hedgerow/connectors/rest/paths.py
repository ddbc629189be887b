"""Paths into JSON: `data.items`, `$.data[0].name`, `data[*].tags`, `['a name']`."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.?(?: (?P<name>[^.\[\]'"]+)
            | \[(?P<number>-?\d+)\]
            | \[(?P<all>\*)\]
            | \[(?P<mark>['"])(?P<quoted>.+?)(?P=mark)\] )""",
    re.VERBOSE,
)
_EVERY = object()
Step = str | int | object


@lru_cache(maxsize=4096)
def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of a path, none for the whole document; raises `ValueError` where it is none."""
    rest = path.removeprefix("$")
    found: list[Step] = []
    at = 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None:
            raise ValueError(f"{path!r} is no path; write it as data.items, data[0] or data[*].name")
        at = step.end()
        if step["number"] is not None:
            found.append(int(step["number"]))
        elif step["all"] or step["name"] == "*":
            found.append(_EVERY)
        else:
            found.append(step["name"] or step["quoted"])
    return tuple(found)


def value_at(document: Any, path: str) -> Any:
    """The first value at a path; `None` where there is none."""
    return next(_values(document, steps_of(path)), None)


def values_at(document: Any, path: str) -> list[Any] | None:
    """What a path selects as a list: the items of a list, one object alone; `None` where nothing is there."""
    found = list(_values(document, steps_of(path)))
    if not found:
        return None
    if _EVERY in steps_of(path):
        return [item for value in found for item in (value if isinstance(value, list) else [value])]
    (value,) = found
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _values(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, *rest = steps
    if step is _EVERY:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for each in inner:
            yield from _values(each, tuple(rest))
    elif isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from _values(value[step], tuple(rest))
    elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
        yield from _values(value[step], tuple(rest))
