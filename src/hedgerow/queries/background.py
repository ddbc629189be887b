"""Queries in the background of this process: started, watched, cancelled, and ended with it."""

import asyncio
from contextlib import suppress
from typing import Any

import structlog

from hedgerow.engine.base import Engine
from hedgerow.kit.clock import iso, now
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.queries.identity import engine_id
from hedgerow.queries.live import Connections
from hedgerow.queries.running import Asked, Runners
from hedgerow.queries.statuses import Name, Statuses, progress_object, started

_BEAT_SECONDS = 5.0
_MOST_LOOKS = 50
_log = structlog.get_logger()


class Background:
    """Any process may ask for a query's status or cancel it, whichever runs it."""

    def __init__(self, runners: Runners, statuses: Statuses, engine: Engine, connections: Connections) -> None:
        self._runners, self._statuses, self._engine = runners, statuses, engine
        self._connections = connections
        self._tasks: dict[Name, asyncio.Task[None]] = {}

    async def start(self, name: Name, asked: Asked) -> dict[str, Any]:
        """Begin the query, or join the one of that name that still runs; its status."""
        known = await self._statuses.read(name)
        if known is not None and not known[0]["complete"]:
            return known[0]
        status = started(name)
        await self._statuses.write(name, status)
        task = asyncio.create_task(self._run(name, asked, status))
        self._tasks[name] = task
        task.add_done_callback(lambda _done: self._tasks.pop(name, None))
        return status

    async def status(self, name: Name) -> tuple[dict[str, Any], bytes, int] | None:
        """Status, results and HTTP status; with progress while it runs."""
        known = await self._statuses.read(name)
        if known is None:
            return None
        status, results, code = known
        if not status["complete"]:
            progress = await self._engine.progress(engine_id(name.project_id, name.id))
            status["query_progress"] = progress_object(progress)
        return status, results, code

    async def cancel(self, name: Name) -> bool:
        """Stop a query, in the background or not, on whichever process; whether there was one."""
        found = await self._engine.cancel(engine_id(name.project_id, name.id))
        if (task := self._tasks.get(name)) is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            return True
        found = await self._connections.cancel(engine_id(name.project_id, name.id)) or found
        return found or await self._statuses.read(name) is not None

    async def close(self) -> None:
        """Cancel what runs and say so in its status."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, name: Name, asked: Asked, status: dict[str, Any]) -> None:
        beating = asyncio.create_task(self._beat(name, status))
        try:
            results = await self._runners.run(asked)
        except asyncio.CancelledError:
            beating.cancel()
            await asyncio.shield(self._gone(name))
            await self._end(name, status, "The query was cancelled.", 400)
            raise
        except InvalidInput as error:
            await self._end(name, status, error.detail, 400)
        except HedgerowError as error:
            await self._end(name, status, error.detail, int(error.status))
        except Exception:
            _log.exception("background_query_failed", query_id=name.id, project_id=name.project_id)
            await self._end(name, status, "A server error occurred.", 500)
        else:
            done = {"complete": True, "end_time": iso(now())}
            await self._statuses.write(name, status | done, results)
        finally:
            beating.cancel()

    async def _gone(self, name: Name) -> None:
        """Wait until the engine has let go of the query: a late stop would hit the next one of that name."""
        for _ in range(_MOST_LOOKS):
            with suppress(HedgerowError):
                if not await self._engine.cancel(engine_id(name.project_id, name.id)):
                    return
            await asyncio.sleep(0.02)

    async def _beat(self, name: Name, status: dict[str, Any]) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            await self._statuses.write(name, status)

    async def _end(self, name: Name, status: dict[str, Any], message: str, code: int) -> None:
        ended = {"complete": True, "error": True, "error_message": message, "end_time": iso(now())}
        await self._statuses.write(name, status | ended, code=code)
