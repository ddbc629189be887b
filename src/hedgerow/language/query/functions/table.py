"""What a function is to the compiler, and how families of them are written down."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """`least` to `most` arguments (`None`: any number); `params` likewise for a first pair of brackets.

    `target`: the engine's name. `never_null`: the result is never NULL, whatever the arguments are.
    """

    name: str
    target: str
    least: int = 0
    most: int | None = None
    aggregate: bool = False
    params: tuple[int, int | None] = (0, 0)
    never_null: bool = False
    window_only: bool = False


def family(
    text: str, *, aggregate: bool = False, never_null: bool = False, window_only: bool = False
) -> dict[str, Function]:
    """A family from lines of `name[=target]:least[-most][@params]`, parted by blanks; `most` may be `*`."""
    found = {}
    for entry in text.split():
        names, _, arity = entry.partition(":")
        name, _, target = names.partition("=")
        counts, _, params = arity.partition("@")
        least, most = _range(counts)
        found[name] = Function(
            name, target or name, least, most, aggregate, _range(params) if params else (0, 0), never_null, window_only
        )
    return found


def _range(text: str) -> tuple[int, int | None]:
    least, dash, most = text.partition("-")
    return int(least), None if most == "*" else int(most) if dash else int(least)
