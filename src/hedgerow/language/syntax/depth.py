"""How deep a tree may be, and room on the stack for the passes that walk one."""

import sys

MAX_NESTING = 256
"""Levels of brackets, calls, sub-queries and statements."""

SHORT_CHAIN = 8
"""Links of a chain such as `a + b + c` that cost nothing; each level of nesting may have as many."""

MAX_LONG_CHAINS = 1_000
"""Links beyond that, in the whole text."""

_FRAMES_PER_NODE = 5
_RECURSION = _FRAMES_PER_NODE * (MAX_NESTING * SHORT_CHAIN + MAX_LONG_CHAINS) + 1_000


def make_room() -> None:
    """Let Python recurse as deep as the deepest tree the parser lets through.

    Since 3.11 a call from Python to Python takes no C stack, so that this costs memory only when it is used.
    """
    if sys.getrecursionlimit() < _RECURSION:
        sys.setrecursionlimit(_RECURSION)
