"""Takes away tables and files that no row names: after a grace for queries under way, a failure or a crash."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from hedgerow.engine.base import Engine
from hedgerow.files import Files, FilesUnavailable
from hedgerow.kit.errors import HedgerowError
from hedgerow.store import Store
from hedgerow.warehouse.catalog import database
from hedgerow.warehouse.shelf import Shelf

_MARK = ".mark"
_FOREIGN_SECONDS = 3600.0
_log = structlog.get_logger("hedgerow.warehouse")


@dataclass(frozen=True, slots=True)
class Leavings:
    """A physical table and a kept file, either of which may be absent."""

    project_id: int
    physical: str | None
    key: str | None


class Retirement:
    """A mark in `folder` says which table and file to take away unless a row names them, also after a crash."""

    def __init__(
        self, store: Store, shelf: Shelf, engine: Engine, files: Files, folder: Path, grace: float = 30.0
    ) -> None:
        self._store, self._shelf, self._engine, self._files = store, shelf, engine, files
        self._folder, self._grace = folder, grace
        self._waiting: dict[asyncio.Task[None], Leavings] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def mark(self, leavings: Leavings) -> None:
        """Write down what to take away should the process end before a row names it."""
        if leavings.physical is not None:
            content = json.dumps({"project": leavings.project_id, "key": leavings.key})
            self._mark(leavings.physical).write_text(content)

    def keep(self, physical: str) -> None:
        """A row names it now."""
        self._mark(physical).unlink(missing_ok=True)

    async def drop(self, leavings: Leavings) -> None:
        """Drop the table alone; its mark stays. Raises what the engine raises."""
        await self._engine.drop_table(database(leavings.project_id), leavings.physical or "")

    async def now(self, leavings: Leavings) -> None:
        """Take them away, also when the caller is cancelled; a failure is logged, and tried again at the next start."""
        await asyncio.shield(self._take_away(leavings))

    def soon(self, leavings: Leavings) -> None:
        """Take them away when queries that began with the old catalog have ended."""
        self.mark(leavings)
        task = asyncio.create_task(self._later(leavings))
        self._waiting[task] = leavings
        task.add_done_callback(lambda done: self._waiting.pop(done, None))

    async def close(self) -> None:
        """Take away at once whatever is waiting."""
        waiting = dict(self._waiting)
        for task, leavings in waiting.items():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._take_away(leavings)

    async def sweep(self) -> None:
        """At start: finish what an earlier process left half-done. Of a shared folder, only what is old."""
        before = time.time() - (0.0 if self._engine.name == "chdb" else _FOREIGN_SECONDS)
        for path in await asyncio.to_thread(self._left, before):
            if path.suffix == _MARK:
                await self._settle(path)
            else:
                path.unlink(missing_ok=True)

    async def _settle(self, mark: Path) -> None:
        leavings = await asyncio.to_thread(_read, mark)
        tables, files = await asyncio.to_thread(self._claims)
        if leavings is None or leavings.physical in tables.get(leavings.project_id, ()):
            self.keep(mark.stem)
        else:
            key = None if leavings.key in files else leavings.key
            await self._take_away(Leavings(leavings.project_id, leavings.physical, key))

    async def _later(self, leavings: Leavings) -> None:
        await asyncio.sleep(self._grace)
        await self._take_away(leavings)

    async def _take_away(self, leavings: Leavings) -> None:
        try:
            if leavings.physical is not None:
                await self._engine.drop_table(database(leavings.project_id), leavings.physical)
            if leavings.key is not None:
                await self._files.delete(leavings.key)
        except (HedgerowError, FilesUnavailable) as error:
            _log.warning("leavings stay", table=leavings.physical, reason=str(error))
            return
        if leavings.physical is not None:
            self.keep(leavings.physical)

    def _left(self, before: float) -> list[Path]:
        return [path for path in self._folder.iterdir() if path.is_file() and path.stat().st_mtime <= before]

    def _claims(self) -> tuple[dict[int, set[str]], set[str]]:
        with self._store.read() as session:
            return self._shelf.claims(session)

    def _mark(self, physical: str) -> Path:
        return self._folder / f"{physical}{_MARK}"


def _read(mark: Path) -> Leavings | None:
    """What a mark says; `None` for one that was not written to its end."""
    try:
        content = json.loads(mark.read_text())
        return Leavings(int(content["project"]), mark.stem, content["key"])
    except (ValueError, KeyError, OSError):
        return None
