"""Writes a server's views into files; what files say already stays byte by byte."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hedgerow.gitops.faults import FileFault
from hedgerow.gitops.folders import put
from hedgerow.gitops.models.definitions import SETTINGS, Definition, agree, checks_agree, pairs, settings_text
from hedgerow.gitops.models.files import Local, place_of, query_text
from hedgerow.gitops.models.server import Present
from hedgerow.gitops.splicing import spliced
from hedgerow.gitops.values import same


def pull(views: Sequence[Present], files: Mapping[str, Local], root: Path) -> Iterator[tuple[Path, str]]:
    """Each query's file, and what became of it and its settings: `created`, `changed` or `unchanged`."""
    taken = {str(each.path).lower(): each.name for each in files.values()}
    for view in views:
        known = files.get(view.name)
        path = known.path if known else place_of(root, view.name)
        if taken.setdefault(str(path).lower(), view.name) != view.name:
            raise FileFault(str(path), f"{taken[str(path).lower()]} and {view.name} would be one file on some disks")
        changed = put(path, query_text(view.definition["query"]))
        changed |= _put_settings(path, known, view.definition)
        yield path, ("changed" if changed else "unchanged") if known else "created"


def _put_settings(path: Path, known: Local | None, there: Definition) -> bool:
    document = known.settings if known else None
    if known is None or document is None or document.value is None:
        text = settings_text(there)
        file = Path(document.file) if document else path.with_suffix(".yml")
        return put(file, (document.text if document else "") + text) if text else False
    if agree({**known.definition, "query": ""}, {**there, "query": ""}):
        return False
    differing = [name for name in SETTINGS if not _alike(name, known.definition, there)]
    fields = {name: settings_text({name: there[name]}) if name in there else None for name in differing}
    expected = {name: there[name] for name in differing if name in there}
    text = spliced(document, fields, SETTINGS, expected) or settings_text(there)
    return put(Path(document.file), text)


def _alike(name: str, wanted: Definition, there: Definition) -> bool:
    if name == "checks":
        return all(checks_agree(one, other) for one, other in pairs(wanted, there))
    return same(wanted.get(name), there.get(name))
