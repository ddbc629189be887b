"""Values of JSON, as they are compared."""

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; Python alone takes 1 for true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
