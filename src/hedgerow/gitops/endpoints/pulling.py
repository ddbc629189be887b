"""Writes a server's endpoints into files; what a file says already stays byte by byte."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hedgerow.gitops.endpoints.definitions import ORDER, Definition, completed, text_of
from hedgerow.gitops.endpoints.fields import NAME
from hedgerow.gitops.endpoints.planning import pinned
from hedgerow.gitops.endpoints.sides import Local, Present
from hedgerow.gitops.faults import FileFault
from hedgerow.gitops.folders import put
from hedgerow.gitops.splicing import spliced
from hedgerow.gitops.values import same


def pull(endpoints: Sequence[Present], files: Mapping[str, Local], folder: Path) -> Iterator[tuple[Path, str]]:
    """Each file, and what became of it: `created`, `changed` or `unchanged`. Raises `FileFault`."""
    places = [_place(each, files.get(each.name), folder) for each in endpoints]
    for path, each in zip(places, endpoints, strict=True):
        known = files.get(each.name)
        if known is None:
            _refuse_taken(path, each.name)
        changed = put(path, text_of(each.definition) if known is None else merged(known, each))
        yield path, "created" if known is None else "changed" if changed else "unchanged"


def merged(known: Local, present: Present) -> str:
    """A file's text once it says what the server has: its tests and comments stay, and all of it if nothing differs."""
    wanted = pinned(completed(known.definition, present.definition), present.version)
    differing = {name for name in ORDER if not same(wanted.get(name), present.definition.get(name))}
    if not differing:
        return known.document.text
    fields: dict[str, str | None] = {
        name: text_of({name: present.definition[name]}) if name in present.definition else None for name in differing
    }
    tests = known.document.value.get("tests")
    whole: Definition = {**present.definition, **({"tests": tests} if tests else {})}
    return spliced(known.document, fields, ORDER, expected=whole) or text_of(whole)


def _place(present: Present, known: Local | None, folder: Path) -> Path:
    if known is not None:
        return Path(known.document.file)
    # A name becomes a path here, and it is a server's word only.
    if not NAME.match(present.name):
        raise FileFault(str(folder), f"{present.name[:100]!r} is no name of an endpoint")
    path = folder / f"{present.name}.yaml"
    _refuse_taken(path, present.name)
    return path


def _refuse_taken(path: Path, name: str) -> None:
    """Also while writing: on some disks two names that differ in case are one file."""
    if path.exists():
        raise FileFault(str(path), f"it holds something else than {name}: give it another name")
