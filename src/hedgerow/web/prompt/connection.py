"""A connection that looks into the memory of prompt answers before it parses what came."""

from functools import partial
from typing import cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hedgerow.web.prompt.memory import REMEMBER, Prompts


class PromptConnection(HttpToolsProtocol):
    """uvicorn's own, which answers what is not remembered. Bytes are looked up only between two requests."""

    prompts: Prompts
    _between = True
    """Whether the parser has seen the end of all that began."""
    _told_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Answer from memory, or parse, and let the answer be remembered if the request came whole and alone."""
        cycle = self.cycle
        if not self._between or (cycle is not None and not cycle.response_complete) or self.flow.write_paused:
            super().data_received(data)
            return
        answer = self.prompts.answer(data, self.server_state.default_headers)
        if answer is not None:
            self._tell(answer)
            return
        super().data_received(data)
        whole, alone = self._between and self.cycle is not cycle, not self.pipeline
        if whole and alone and self.cycle.keep_alive:
            scope = cast("Scope", self.cycle.scope)
            scope[REMEMBER] = partial(self.prompts.remember, data, scope)

    def on_message_begin(self) -> None:
        """The parser's callback."""
        self._between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """The parser's callback."""
        self._between = True
        super().on_message_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless it was used meanwhile: prompt answers do not set the clock anew each time."""
        left = self._told_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wait(left)
        else:
            super().timeout_keep_alive_handler()

    def _tell(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._told_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)


def connection(prompts: Prompts) -> type[PromptConnection]:
    """The class of one server's connections."""

    class Connection(PromptConnection):
        """Bound to a memory."""

    Connection.prompts = prompts
    return Connection
