"""What of a bucket is a table: folders, files and patterns of them; a Delta or Iceberg folder is one of its own."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.s3.client import Bucket, Object
from hedgerow.connectors.s3.place import before_pattern, is_pattern, pattern_of
from hedgerow.connectors.watching import Watch

Kind = Literal["files", "delta", "iceberg"]
_PACKED = (".gz", ".gzip", ".zst", ".bz2")
FORMATS = {
    "csv": ("csv", "tsv", "txt", "psv"),
    "json": ("json", "jsonl", "ndjson"),
    "parquet": ("parquet", "parq", "pq"),
}
_BY_END = {end: name for name, ends in FORMATS.items() for end in ends}
_MOST_TABLES = 1000
_LOOKERS = 6
_MOST_FILES = 1_000_000
_MOST_INNER, _DEEPEST = 50, 2
_PARTITION = re.compile(r"[\w%.-]+=[^/]*")


@dataclass(frozen=True, slots=True)
class Listing:
    """A table: of `files`, whose keys begin with `prefix` and fit the pattern; or a lake's folder."""

    name: str
    prefix: str
    pattern: re.Pattern[str] | None = None
    kind: Kind = "files"
    only: str | None = None

    def files(self, bucket: Bucket, chosen: str, watch: Watch) -> list[Object]:
        """Its files, oldest first. `chosen` is the format that the form names."""
        found = []
        for number, item in enumerate(bucket.objects(self.prefix)):
            if number % 1000 == 0:
                watch.check()
            if self._takes(item.key) and format_of(item.name, chosen) is not None:
                found.append(item)
                if len(found) > _MOST_FILES:
                    text = f"Table {self.name} has more than {_MOST_FILES} files: name fewer by a pattern."
                    raise Refused(text, field="tables")
        return sorted(found, key=lambda item: (item.modified, item.key))

    def _takes(self, key: str) -> bool:
        if self.only is not None:
            return key == self.only
        if _hidden(key.removeprefix(self.prefix)):
            return False
        return self.pattern is None or self.pattern.fullmatch(key) is not None

    def partitions(self, key: str) -> dict[str, str]:
        """What the folders below it say of a file: `day=2026-01-01` is a column `day`."""
        base = self.prefix.rpartition("/")[0]
        folders = key.removeprefix(base).split("/")[:-1]
        return dict(part.split("=", 1) for part in folders if _PARTITION.fullmatch(part))


def format_of(name: str, chosen: str) -> str | None:
    """The format of a file by its name, where the form leaves that open; `None` for what is no data."""
    if chosen != "auto":
        return chosen
    bare = name.lower()
    for end in _PACKED:
        bare = bare.removesuffix(end)
    return _BY_END.get(bare.rpartition(".")[2]) if "." in bare else None


def listings(bucket: Bucket, config: Config, name: str | None = None) -> list[Listing]:
    """The tables there are, or the one of that name, ordered by name."""
    said = str(config.get("tables") or "").strip()
    found = list(_named(bucket, said, name) if said else _found(bucket, config, name))
    if len(found) > _MOST_TABLES:
        text = f"There are more than {_MOST_TABLES} tables at this address: name those that are wanted."
        raise Refused(text, field="tables")
    return sorted((each for each in found if name in (None, each.name)), key=lambda each: each.name)


def _named(bucket: Bucket, said: str, name: str | None) -> Iterator[Listing]:
    seen = set()
    for line in filter(None, map(str.strip, said.splitlines())):
        called, mark, path = (part.strip() for part in line.partition("="))
        if not (mark and called and path) or called in seen:
            problem = "is named twice" if called in seen and path else "must be: name = files"
            raise Refused(f'Line "{line[:80]}" of the tables {problem}.', field="tables")
        seen.add(called)
        pattern_of(path)  # what cannot be one is told of whichever table is wanted
        if name in (None, called):
            yield _at(bucket, called, bucket.place.folder + path.lstrip("/"))


def _at(bucket: Bucket, name: str, path: str) -> Listing:
    """A table of a path: a pattern, a file or a folder."""
    if is_pattern(path):
        return Listing(name, before_pattern(path), pattern_of(path))
    if path and not path.endswith("/") and any(item.key == path for item in bucket.objects(path, most=1)):
        return Listing(name, path, only=path)
    folder = f"{path.strip('/')}/" if path.strip("/") else ""
    return Listing(name, folder, kind=_kind(bucket, folder, bucket.level(folder)[0]))


def _found(bucket: Bucket, config: Config, name: str | None) -> Iterator[Listing]:
    place = bucket.place
    whole = _at(bucket, _last(place.bucket, before_pattern(place.path)), place.path)
    if whole.kind != "files" or whole.pattern is not None:
        yield whole
        return
    if whole.only is not None:
        yield replace(whole, name=_stem(whole.only))
        return
    folders, files = bucket.level(whole.prefix)
    if any(_PARTITION.fullmatch(_last("", folder)) for folder in folders):
        yield whole
        return
    chosen = str(config.get("format") or "auto")
    called = {folder: _last("", folder) for folder in folders if not _hidden(folder.removeprefix(whole.prefix))}
    wanted = [(each, at) for at, each in called.items() if name is None or name == each or name.startswith(f"{each}.")]
    with ThreadPoolExecutor(_LOOKERS, "hedgerow-folders") as pool:
        for found in pool.map(lambda pair: list(_in_folder(bucket, pair[0], pair[1], chosen)), wanted):
            yield from found
    yield from _loose(whole.prefix, files, set(called.values()), chosen)


def _in_folder(bucket: Bucket, name: str, folder: str, chosen: str) -> Iterator[Listing]:
    """The table that a folder is; the lakes' tables, where it is one of their name spaces."""
    lakes = _lakes(bucket, name, folder, _DEEPEST)
    yield from lakes
    listing = Listing(name, folder)
    if not lakes and _has_data(bucket, listing, chosen):
        yield listing


def _lakes(bucket: Bucket, name: str, folder: str, depth: int) -> list[Listing]:
    """The lakes' tables in a folder that holds no files of its own; itself, where it is one."""
    inner, files = bucket.level(folder)
    kind = _kind(bucket, folder, inner)
    if kind != "files":
        return [Listing(name, folder, kind=kind)]
    if files or depth == 0 or len(inner) > _MOST_INNER:
        return []
    return [lake for each in inner for lake in _lakes(bucket, f"{name}.{_last('', each)}", each, depth - 1)]


def _loose(prefix: str, files: Sequence[Object], taken: set[str], chosen: str) -> Iterator[Listing]:
    """A table for each file that lies directly in the folder."""
    there = [item for item in files if format_of(item.name, chosen) and not _hidden(item.key.removeprefix(prefix))]
    stems = [_stem(item.key) for item in there]
    count = Counter(stems)
    for item, stem in zip(there, stems, strict=True):
        plain = stem not in taken and count[stem] == 1
        yield Listing(stem if plain else item.name, item.key, only=item.key)


def _has_data(bucket: Bucket, listing: Listing, chosen: str) -> bool:
    items = bucket.objects(listing.prefix)
    return any(format_of(item.name, chosen) and not _hidden(item.key.removeprefix(listing.prefix)) for item in items)


def _kind(bucket: Bucket, folder: str, inner: Sequence[str]) -> Kind:
    if f"{folder}_delta_log/" in inner:
        return "delta"
    if f"{folder}metadata/" in inner:
        names = bucket.objects(f"{folder}metadata/")
        if any(item.key.endswith(".metadata.json") for item in names):
            return "iceberg"
    return "files"


def _hidden(path: str) -> bool:
    """Whether a part of the path is a mark of some program's own, as those with such beginnings are."""
    parts = path.split("/")
    return any(part[:1] in ("_", ".") and not _PARTITION.fullmatch(part) for part in parts)


def _last(bucket: str, path: str) -> str:
    """What a folder is called; the bucket, where there is no folder."""
    folder = path if path.endswith("/") or not path else path.rpartition("/")[0] or path
    return folder.strip("/").rpartition("/")[2] or bucket


def _stem(key: str) -> str:
    name = key.rpartition("/")[2]
    for end in _PACKED:
        name = name.removesuffix(end)
    return name.rpartition(".")[0] or name
