"""What a start leaves behind: nothing to search for garbage, no unused code in memory, threads of short turns."""

import ctypes
import gc
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MAPS = Path("/proc/self/smaps")
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-[x-]p .* /", re.ASCII)
_DONTNEED = 4
# Whoever waits for the interpreter while a sync decodes rows waits that long each time: with the usual 5 ms, a sync of
# few rows, which goes from thread to thread fifty times, takes a third longer.
_TURN_SECONDS = 0.001


def begin() -> None:
    """From here on what is made is taken to stay; a collection in the midst of imports finds next to nothing."""
    gc.disable()


def end() -> None:
    """Collect again, and never among what there is now: in a server it is 170,000 objects, a fifth of a second."""
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(_TURN_SECONDS)
    with suppress(OSError):
        _let_go()


def _let_go() -> None:
    """Unmap pages of libraries' files (Linux): loading touches most of the engine's 500 MB, and queries few of them.

    The pages stay in the system's cache, from which those still needed come back one by one.
    """
    if _MAPS.exists():
        library = ctypes.CDLL(None)
        for start, size in _unchanged(_MAPS.read_text()):
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _DONTNEED)


def _unchanged(maps: str) -> Iterator[tuple[int, int]]:
    """Mappings of files that may not be written and hold nothing but what the file does: address and bytes."""
    for part in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", maps):
        if (found := _MAPPING.match(part)) is not None and re.search(r"^Anonymous: +0 kB$", part, re.MULTILINE):
            start, end = int(found[1], 16), int(found[2], 16)
            yield start, end - start
