"""Values on their way to an engine."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bound:
    """A value bound by the engine itself: `type` is a ClickHouse type such as `Array(Int64)`."""

    type: str
    value: Any
