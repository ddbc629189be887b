"""Packs a followed table: a copy aside is merged while waves go on, then takes what they brought, and serves."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from hedgerow.sources.changes.applying import Applying, Since, Working

FEWEST = 16
"""Parts that a table may have in any case; `MORE` than after it was packed last, as large ones are not merged."""
MORE = 10
LOOK_SECONDS, _QUIET_LOOKS = 0.5, 4
_MOST_CHANGES = 2_000_000
_log = structlog.get_logger("hedgerow.sources")


@dataclass(slots=True)
class Pack:
    """A copy that is being merged, and all changes of the table since it was made."""

    working: Working
    since: Since
    merging: asyncio.Task[None]


@dataclass(slots=True)
class Parts:
    """How many parts a table may have before it is packed, and the pack that is under way."""

    most: int = 0
    pack: Pack | None = None

    @property
    def since(self) -> Since | None:
        """Where changes are to be noted beside."""
        return self.pack.since if self.pack is not None else None

    @property
    def ready(self) -> bool:
        """Whether the copy is merged."""
        return self.pack is not None and self.pack.merging.done()


@dataclass(frozen=True, slots=True)
class Packing:
    """A served table is never merged itself: the next wave would take its place before that is done."""

    applying: Applying

    async def tend(self, parts: Parts, served: Working, count: int) -> None:
        """After a wave, which left `count` parts: begin to pack where they are too many, or give one up that grew."""
        if parts.pack is not None and parts.pack.since.count > _MOST_CHANGES:
            await self.drop(parts)
            parts.most = 2 * count
        if parts.pack is None and count > max(FEWEST, parts.most):
            parts.pack = await self._begun(served)

    async def packed(self, parts: Parts, logged: Mapping[str, str]) -> Working | None:
        """The copy, merged and as the served table is now, with `logged`; `None` where there is none that is ready."""
        pack = parts.pack
        if pack is None or not pack.merging.done():
            return None
        if (fault := pack.merging.exception()) is not None:
            _log.warning("packing failed", table=pack.working.physical, reason=str(fault))
            await self.drop(parts)
            return None
        pack.working.logged = dict(logged)
        await self.applying.hold(pack.working.project_id, pack.working.physical)
        await self.applying.catch_up(pack.working, pack.since)
        _, _, count = await self.applying.figures(pack.working)
        parts.most, parts.pack = count + MORE, None
        await self.applying.discard(pack.working.project_id, pack.since.physical)
        return pack.working

    async def drop(self, parts: Parts) -> None:
        """Let go of a pack that is under way; the table stays as it is."""
        pack, parts.pack = parts.pack, None
        if pack is None:
            return
        pack.merging.cancel()
        await asyncio.wait({pack.merging})
        for physical in (pack.working.physical, pack.since.physical):
            await asyncio.shield(self.applying.discard(pack.working.project_id, physical))

    async def _begun(self, served: Working) -> Pack:
        copy = await self.applying.clone(served.project_id, served.physical, served.columns, served.key)
        since = await self.applying.since(copy)
        await self.applying.let_merge(copy)
        return Pack(copy, since, asyncio.create_task(self._merged(copy)))

    async def _merged(self, copy: Working) -> None:
        """Wait until nothing has been merged for a while."""
        quiet = 0
        while quiet < _QUIET_LOOKS:
            await asyncio.sleep(LOOK_SECONDS)
            quiet = 0 if await self.applying.merging(copy) else quiet + 1
