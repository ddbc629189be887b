"""What is noted of a run while it goes on: as little as can be, for it is in everybody's way."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from hedgerow.endpoints.records import Endpoint, Version
from hedgerow.kit.errors import Throttled
from hedgerow.web.access import Principal


class Noted:
    """A run that goes on: it notes itself when it ends, however it ends.

    Set what becomes known: `version`; `values`, to keep them out of texts; `asks`, once nothing is wrong with the
    request; `answer`: the execution's id, the facts of its result as JSON, and whether that
    was kept from an earlier run. What is never set was never reached. After the end: `at`, when that was (Unix time),
    `seconds`, how long it took, and `error`.
    """

    __slots__ = (
        "_began", "_keep", "answer", "at", "direct", "endpoint", "error", "executing", "principal", "seconds",
        "values", "version",
    )  # fmt: skip

    def __init__(self, keep: Callable[["Noted"], None], principal: Principal, endpoint: Endpoint) -> None:
        self._keep, self.principal, self.endpoint = keep, principal, endpoint
        self.version: Version | None = None
        self.values: Mapping[str, Any] | None = None
        self.answer: tuple[str, bytes, bool] | None = None
        self.error: BaseException | None = None
        self.executing = self.direct = False
        self._began = time.perf_counter()

    def __enter__(self) -> "Noted":
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        self.seconds = time.perf_counter() - self._began
        self.at, self.error = time.time(), error
        if self.executing or not isinstance(error, Throttled):  # who is over a rate was not let in
            self._keep(self)

    def asks(self, version: Version, values: Mapping[str, Any], *, direct: bool) -> None:
        """From here on it is the query that fails, not the request."""
        self.version, self.values, self.direct, self.executing = version, values, direct, True

    @property
    def hung_up(self) -> bool:
        """Whether nobody waited for the answer."""
        return isinstance(self.error, asyncio.CancelledError)
