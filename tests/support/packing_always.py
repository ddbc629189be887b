"""`hedgerow`, whose followed tables are packed all the time, which it says: for what happens in the middle of that."""

from typing import Any

from hedgerow.cli import main
from hedgerow.sources.changes.packing import Packing

BEGUN, DONE = "packing a table", "a table is packed"
_begun, _packed = Packing._begun, Packing.packed


async def _told_begun(*given: Any) -> Any:
    print(BEGUN, flush=True)
    return await _begun(*given)


async def _told_packed(*given: Any) -> Any:
    made = await _packed(*given)
    if made is not None:
        print(DONE, flush=True)
    return made


if __name__ == "__main__":
    from hedgerow.sources.changes import packing

    packing.FEWEST, packing.MORE, packing.LOOK_SECONDS = 0, 0, 0.05
    Packing._begun, Packing.packed = _told_begun, _told_packed  # type: ignore[method-assign]
    main()
