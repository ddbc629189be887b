"""Runs views in one wave and follows it to its end."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgerow.gitops.models.reads import in_order
from hedgerow.gitops.models.server import VIEWS, Present
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import NotFound

_ENDED = frozenset({"Completed", "Failed", "Cancelled", "Skipped"})
_LOOK_SECONDS = 0.5


def chosen(views: Mapping[str, Present], wishes: Sequence[str]) -> list[Present]:
    """The views that wishes name: `name`, `+name` with all that it reads, `name+` with all that read it.

    Without wishes, all that are materialized. Of what is added by a `+` only what is materialized. Raises `NotFound`.
    """
    if not wishes:
        return [each for each in views.values() if each.definition.get("materialized")]
    reads = {name: each.reads & views.keys() for name, each in views.items()}
    read_by = {name: {other for other, above in reads.items() if name in above} for name in views}
    found: set[str] = set()
    for wish in wishes:
        name = wish.strip("+")
        if name not in views:
            raise NotFound(f"The project has no view {name}.")
        found.add(name)
        ways = [way for way, said in ((reads, wish.startswith("+")), (read_by, wish.endswith("+"))) if said]
        around = {each for way in ways for each in _reached(name, way)}
        found |= {each for each in around if views[each].definition.get("materialized")}
    return [views[name] for name in in_order(reads) if name in found]


def run(remote: Remote, views: Sequence[Present]) -> Iterator[Mapping[str, Any]]:
    """Begin, and yield each run once it has ended."""
    runs = remote.post(f"{VIEWS}run/", {"view_ids": [each.id for each in views]})["results"]
    left = {str(each["id"]) for each in runs}
    while left:
        ended = [each for each in _now(remote, left) if each["status"] in _ENDED]
        for each in sorted(ended, key=lambda one: str(one["last_run_at"])):
            left.discard(each["id"])
            yield each
        if left and not ended:
            time.sleep(_LOOK_SECONDS)


def _now(remote: Remote, ids: set[str]) -> list[Mapping[str, Any]]:
    """Those runs as they are: most are the last of their views, and come together."""
    found = {str(each["id"]): each for each in remote.get("data_modeling_jobs/recent/") if each["id"] in ids}
    return [*found.values(), *(remote.get(f"data_modeling_jobs/{each}/") for each in ids - found.keys())]


def _reached(start: str, way: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    front = [start]
    while front:
        fresh = way[front.pop()] - found
        found |= fresh
        front += fresh
    return found
