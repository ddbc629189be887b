"""Single-flight: what many ask for at once is made once, by the first of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """What is being made now, by key."""

    def __init__(self) -> None:
        self._aloft: dict[str, asyncio.Future[T | None]] = {}

    def aloft(self, key: str) -> bool:
        """Whether somebody is making it."""
        return key in self._aloft

    async def join(self, key: str, make: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """What `make` returns or raises, and whether it was this caller who made it.

        When the one who makes it goes away, the next in line makes it.
        """
        while (flight := self._aloft.get(key)) is not None:
            # A shield: one who goes away must not take the others' future along.
            landed = await asyncio.shield(flight)
            if landed is not None:
                return landed, False
        return await self._lead(key, make), True

    async def _lead(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        flight: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._aloft[key] = flight
        try:
            made = await make()
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # nobody may be waiting for it
            raise
        except BaseException:
            flight.set_result(None)
            raise
        else:
            flight.set_result(made)
            return made
        finally:
            del self._aloft[key]
