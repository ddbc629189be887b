"""The functions a query may call: names, arities, and what each is to the engine. What is not here does not exist."""

import difflib
from functools import lru_cache

from hedgerow.language.query.functions import aggregates, arrays, dates, scalars
from hedgerow.language.query.functions.special import REWRITTEN
from hedgerow.language.query.functions.table import Function

TABLE_FUNCTIONS = {"numbers": (1, 3), "zeros": (1, 1), "generateSeries": (2, 3), "generate_series": (2, 3)}
"""Table functions that read nothing stored: least and most arguments."""

_ALL: dict[str, Function] = {}
for _family in (
    *scalars.FAMILIES,
    *dates.FAMILIES,
    *arrays.FAMILIES,
    aggregates.PLAIN,
    aggregates.WINDOW_ONLY,
    REWRITTEN,
):
    _ALL.update(_family)
_FOLDED = {name.lower(): function for name, function in reversed(_ALL.items())}


def names() -> list[str]:
    """Every function's name, combinators apart."""
    return sorted(_ALL)


_LONGEST = 64


def find(name: str) -> Function | None:
    """The function of that name; case does not matter where no two differ by it alone."""
    return _find(name) if len(name) <= _LONGEST else None


@lru_cache(4096)
def _find(name: str) -> Function | None:
    return _ALL.get(name) or aggregates.combined(name) or _FOLDED.get(name.lower())


def near(name: str) -> str | None:
    """The name a misspelt one was most likely meant to be."""
    if len(name) > _LONGEST:
        return None
    close = difflib.get_close_matches(name.lower(), _FOLDED, n=1, cutoff=0.8)
    return _FOLDED[close[0]].name if close else None


__all__ = ["TABLE_FUNCTIONS", "Function", "find", "names", "near"]
