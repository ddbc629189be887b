"""Uploaded tables: a file comes in, is loaded into a table of its own, and takes its place in one step."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.engine.base import Column, Engine, LocalFile
from hedgerow.engine.errors import EngineError
from hedgerow.kit.errors import NotFound
from hedgerow.kit.ids import uuid7
from hedgerow.store import Store
from hedgerow.warehouse import formats
from hedgerow.warehouse.catalog import Catalogs, database
from hedgerow.warehouse.errors import NAME_TAKEN, ActionRefused, NameTaken
from hedgerow.warehouse.formats import UPLOADED
from hedgerow.warehouse.names import check_uploaded
from hedgerow.warehouse.records import KeptColumn, TableRecord
from hedgerow.warehouse.shelf import Shelf
from hedgerow.warehouse.types import kept, storable, widened
from hedgerow.warehouse.uploads import contents
from hedgerow.warehouse.uploads.keeping import Keeping
from hedgerow.warehouse.uploads.receiving import Received, Reception
from hedgerow.warehouse.uploads.retiring import Leavings, Retirement
from hedgerow.warehouse.wording import misfit, words

_MOST_WIDENINGS = 12
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Upload:
    """What to load: a checked name, a format's name, and a file on disk that becomes ours."""

    project_id: int
    user_id: int
    name: str
    format: str
    file_name: str
    path: Path
    size: int
    options: Mapping[str, Any] | None = None
    """What was said of them; the rest stays as it is where a table of that name is replaced."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A file to load, and under which options."""

    path: Path
    format: str
    options: Mapping[str, Any]

    @property
    def file(self) -> LocalFile:
        return LocalFile(self.path, self.format, formats.double_quotes(self.options))


Inspection = Callable[[TableRecord, str, Sequence[Column]], Awaitable[None]]
"""Another room's look at the physical table that is to take a table's place; it raises when that must not be."""


class Uploads:
    """Loads files into tables. A reader sees the old rows or the new ones; after a failure there is nothing new.

    `inspections` are asked before rows that are there are replaced.
    """

    def __init__(
        self,
        store: Store,
        shelf: Shelf,
        catalogs: Catalogs,
        engine: Engine,
        keeping: Keeping,
        retirement: Retirement,
    ) -> None:
        self._store, self._shelf, self._catalogs = store, shelf, catalogs
        self._engine, self._keeping, self._retirement = engine, keeping, retirement
        self.inspections: list[Inspection] = []

    async def receive(self, content_type: str, body: AsyncIterator[bytes], max_bytes: int) -> Received:
        """An uploaded form, its file on disk; the caller discards it. Raises `ActionRefused`, `MalformedBody`."""
        return await Reception(self._keeping.folder, max_bytes).take(content_type, body)

    async def load(self, upload: Upload) -> TableRecord:
        """Make the table, or give the one of that name its new rows. Raises `ActionRefused` or `Unavailable`."""
        present = await asyncio.to_thread(self._present, upload)
        chosen = formats.merged(present.options if present else {}, upload.options)
        path = await asyncio.to_thread(_prepared, upload, formats.double_quotes(chosen))
        source = _Source(path, upload.format, chosen)
        physical = f"t_{uuid7().hex}"
        key = f"{database(upload.project_id)}/{physical[2:]}/{_kept_name(upload.file_name, path)}"
        leavings = Leavings(upload.project_id, physical, key)
        self._retirement.mark(leavings)
        try:
            rows, columns = await self._load(leavings, source, storable(await self._described(source)))
            await self._inspect(present, physical, columns)
            await self._keeping.put(key, path)
            values = {
                "format": upload.format,
                "columns": kept(columns),
                "options": chosen,
                "physical": physical,
                "file_key": key,
                "row_count": rows,
                "size_bytes": upload.size,
            }
            record, old = await asyncio.to_thread(self._commit, upload, values)
        except BaseException:
            await self._retirement.now(leavings)
            raise
        finally:
            path.unlink(missing_ok=True)
        self._retirement.keep(physical)
        self._catalogs.forget(upload.project_id)
        if old is not None:
            self._retirement.soon(Leavings(upload.project_id, old.physical, old.file_key))
        return record

    async def reload(
        self,
        record: TableRecord,
        columns: tuple[KeptColumn, ...],
        chosen: Mapping[str, Any],
        by: int | None = None,
        also: Mapping[str, Any] | None = None,
    ) -> TableRecord:
        """Load a table's own file again, as other columns or under other options; `also` sets more of its values.

        Raises `ActionRefused` where values of the file do not fit, and `NameTaken`.
        """
        leavings = Leavings(record.project_id, f"t_{uuid7().hex}", None)
        self._retirement.mark(leavings)
        try:
            rows = await self._refill(record, leavings, columns, chosen)
            await self._inspect(record, leavings.physical or "", [column.column for column in columns])
            made = {"columns": columns, "physical": leavings.physical, "row_count": rows, "options": dict(chosen)}
            values = {**(also or {}), **made}
            changed = await asyncio.to_thread(self._change, record, values, by)
        except BaseException:
            await self._retirement.now(leavings)
            raise
        self._retirement.keep(leavings.physical or "")
        self._catalogs.forget(record.project_id)
        self._retirement.soon(Leavings(record.project_id, record.physical, None))
        return changed

    async def described(self, record: TableRecord, chosen: Mapping[str, Any]) -> tuple[KeptColumn, ...]:
        """The columns of a table's own file, found out again under these options."""
        async with self._keeping.copy(record.file_key or "") as path:
            return kept(storable(await self._described(_Source(path, record.format, chosen))))

    def download(self, record: TableRecord) -> AsyncIterator[bytes]:
        """The file as it was uploaded; raises `NotFound`, or `Unavailable` at its first step."""
        if record.file_key is None:
            raise NotFound()
        return self._keeping.read(record.file_key)

    async def _refill(
        self, record: TableRecord, leavings: Leavings, columns: tuple[KeptColumn, ...], chosen: Mapping[str, Any]
    ) -> int:
        plain = tuple(column.column for column in columns)
        async with self._keeping.copy(record.file_key or "") as path:
            try:
                return await self._fill(leavings, _Source(path, record.format, chosen), plain)
            except EngineError as error:
                raise _refused(error) from error

    async def _described(self, source: _Source) -> tuple[Column, ...]:
        try:
            columns = await self._engine.describe_file(source.file)
        except EngineError as error:
            raise _refused(error) from error
        contents.check_names([column.name for column in columns])
        return tuple(columns)

    async def _load(
        self, leavings: Leavings, source: _Source, columns: tuple[Column, ...]
    ) -> tuple[int, tuple[Column, ...]]:
        """Rows, and the columns they needed: types were guessed from the first rows, later ones may want wider ones."""
        for _ in range(_MOST_WIDENINGS):
            try:
                return await self._fill(leavings, source, columns), columns
            except EngineError as error:
                found = misfit(error)
                wider = tuple(_wider(c, found.column) for c in columns) if found else columns
                if wider == columns:
                    raise _refused(error) from error
                columns = wider
                await self._retirement.drop(leavings)
        raise ActionRefused("The values of the file change their types too often. Check its columns.", attr="file")

    async def _fill(self, leavings: Leavings, source: _Source, columns: tuple[Column, ...]) -> int:
        home, physical = database(leavings.project_id), leavings.physical or ""
        order = formats.sort_key(source.options, columns)
        await self._engine.create_database(home)
        await self._engine.create_table(home, physical, columns, order, looked_up=bool(order))
        return await self._engine.insert_file(home, physical, source.file, columns)

    async def _inspect(self, record: TableRecord | None, physical: str, columns: Sequence[Column]) -> None:
        """Let other rooms refuse the new rows of a table that is there."""
        if record is not None:
            for inspection in self.inspections:
                await inspection(record, physical, columns)

    def _present(self, upload: Upload) -> TableRecord | None:
        """The table that is replaced; raises `ActionRefused` as `_replaced`."""
        with self._store.read() as session:
            return self._replaced(session, upload)

    def _replaced(self, session: Session, upload: Upload) -> TableRecord | None:
        """The uploaded table whose rows this replaces; raises `ActionRefused` when another thing has the name."""
        other = self._shelf.named(session, upload.project_id, upload.name)
        elsewhere = self._shelf.taken_elsewhere(session, upload.project_id, upload.name)
        if elsewhere or (other is not None and (other.physical is None or other.schema_id is not None)):
            raise ActionRefused(NAME_TAKEN, attr="name")
        return other

    def _commit(self, upload: Upload, values: dict[str, Any]) -> tuple[TableRecord, TableRecord | None]:
        try:
            return self._commit_once(upload, values)
        except IntegrityError:  # on PostgreSQL another upload of the name came first: replace its rows
            return self._commit_once(upload, values)

    def _commit_once(self, upload: Upload, values: dict[str, Any]) -> tuple[TableRecord, TableRecord | None]:
        with self._store.write() as session:
            old = self._replaced(session, upload)
            if old is not None:
                return self._shelf.change(session, upload.project_id, old.id, values, upload.user_id), old
            identity = {"name": upload.name, "created_by": upload.user_id}
            return self._shelf.add(session, upload.project_id, {**identity, **values}), None

    def _change(self, record: TableRecord, values: dict[str, Any], by: int | None) -> TableRecord:
        try:
            with self._store.write() as session:
                now = self._shelf.get(session, record.project_id, record.id)
                if now.physical != record.physical:
                    raise ActionRefused("The table was replaced meanwhile. Try again.")
                if "name" in values:
                    self._shelf.check_name(session, record.project_id, values["name"], record.id)
                return self._shelf.change(session, record.project_id, record.id, values, by)
        except IntegrityError:
            raise NameTaken() from None


def upload_of(project_id: int, user_id: int, received: Received) -> Upload:
    """What a received form asks for; raises `ActionRefused`."""
    if received.path is None:
        raise ActionRefused("No file provided", attr="file")
    file_name = safe_name(received.file_name)
    name = check_uploaded(received.fields.get("name", "").strip() or file_name.split(".")[0])
    file_format = checked_format(received.fields.get("format", "").strip() or "CSVWithNames")
    said = formats.of_form(received.fields.get("options", ""))
    return Upload(project_id, user_id, name, file_format, file_name, received.path, received.size, said)


def checked_format(file_format: str) -> str:
    """A format's name; raises `ActionRefused`."""
    if file_format not in UPLOADED:
        raise ActionRefused(f"Invalid format. Must be one of: {', '.join(UPLOADED)}", attr="format")
    return file_format


def safe_name(file_name: str) -> str:
    """The last part of a file's name with unusual characters replaced; raises `ActionRefused`."""
    last = file_name.replace("\\", "/").rpartition("/")[2]
    safe = _UNUSUAL.sub("_", last)[-100:]
    if not safe or safe.startswith("."):
        raise ActionRefused("Invalid filename", attr="file")
    return safe


def _prepared(upload: Upload, double_quotes: bool) -> Path:
    """The checked file, under a name that tells the engine whether it is compressed."""
    if not contents.check(LocalFile(upload.path, upload.format, double_quotes), upload.size):
        return upload.path
    return upload.path.rename(upload.path.with_suffix(".gz"))


def _kept_name(file_name: str, path: Path) -> str:
    """The name a file is kept under; its end tells whether it is compressed."""
    plain = file_name.removesuffix(".gz") or "file"
    return f"{plain}.gz" if path.suffix == ".gz" else plain


def _wider(column: Column, name: str) -> Column:
    wider = widened(column.type) if column.name == name else None
    return Column(column.name, wider or column.type)


def _refused(error: EngineError) -> ActionRefused:
    """An engine's error about a file, in the shape clients of uploads look for."""
    return ActionRefused(words(error), attr="file", code=error.code)
