"""Models in files: `finance/daily.sql` is the view `finance.daily`, `finance/daily.yml` says more of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hedgerow.gitops.faults import Faults, FileFault
from hedgerow.gitops.models import definitions
from hedgerow.gitops.models.definitions import Definition
from hedgerow.gitops.models.fields import ModelFields
from hedgerow.gitops.models.reads import tables_of
from hedgerow.gitops.reading import Document, read_file, shaped
from hedgerow.kit.errors import HedgerowError

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$]*\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_$]+(?:\.[A-Za-z0-9_$]+)*\Z")
_ENDS = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class Local:
    """A model in files. `settings` is `None` where there is nothing beside the query."""

    name: str
    path: Path
    settings: Document | None
    definition: Definition
    reads: frozenset[str]

    def fault(self, text: str, *place: str | int, line: int | None = None) -> FileFault:
        """An error at a field of the settings, or in the query."""
        if place and self.settings is not None:
            return self.settings.fault(text, *place)
        return FileFault(str(self.path), text, line=line)


def local(root: Path) -> list[Local]:
    """All models below a folder, by name; raises `Faults` with everything that is wrong in any file."""
    if not root.is_dir():
        raise FileFault(str(root), "there is no such folder")
    faults: list[HedgerowError] = []
    read: dict[str, Local] = {}
    for path in sorted(_below(root, (".sql",))):
        try:
            each = _model(root, path)
        except Faults as several:
            faults += several.faults
        except FileFault as fault:
            faults.append(fault)
        else:
            if each.name in read:
                faults.append(each.fault(f"{each.name} is also in {read[each.name].path}"))
            read[each.name] = each
    faults += _strays(root)
    if faults:
        raise Faults(faults)
    return sorted(read.values(), key=lambda each: each.name)


def place_of(root: Path, name: str) -> Path:
    """Where a new model's query goes: a folder for each part of its name but the last."""
    parts = name.split(".") if _PLAIN.match(name) else [name]
    return root.joinpath(*parts[:-1], f"{parts[-1]}.sql")


def beside(path: Path) -> Path | None:
    """The file of a query's settings, if it is there; raises `FileFault` where there are two."""
    there = [path.with_suffix(end) for end in _ENDS if path.with_suffix(end).is_file()]
    if len(there) > 1:
        raise FileFault(str(there[1]), f"{there[0].name} is there as well: keep one of them")
    return there[0] if there else None


def query_text(query: str) -> str:
    """A query as its file has it: it ends with an end of line of the file's own."""
    return query + "\n"


def _model(root: Path, path: Path) -> Local:
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    if not _NAME.match(name) or len(name) > 128:
        raise FileFault(str(path), f"{name} is no name of a view: letters, digits, _, $ and folders")
    query = _query(path)
    settings = beside(path)
    document = read_file(settings) if settings else None
    # A file of comments alone says nothing.
    fields = shaped(document, ModelFields) if document and document.value is not None else ModelFields()
    return Local(name, path, document, definitions.of_files(query, fields), frozenset(tables_of(query, str(path))))


def _query(path: Path) -> str:
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise FileFault(str(path), f"cannot be read: {reason}") from None
    return text.removesuffix("\n")


def _strays(root: Path) -> list[FileFault]:
    return [
        FileFault(str(path), f"there is no {path.with_suffix('.sql').name} beside it")
        for path in sorted(_below(root, _ENDS))
        if not path.with_suffix(".sql").is_file()
    ]


def _below(root: Path, ends: Sequence[str]) -> Iterator[Path]:
    """Hidden files and folders are passed over."""
    for path in root.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix in ends and path.is_file() and not hidden:
            yield path
