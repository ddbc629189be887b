"""A connection's patience: prompt answers keep it open, as all others do."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import uvicorn
from uvicorn.server import ServerState

from hedgerow.web.prompt import Prompts
from hedgerow.web.prompt.connection import PromptConnection, connection
from hedgerow.web.telemetry.metrics import Metrics

_PATIENCE = 75.0


class _Loop:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now, self.timers = 1_000.0, list[tuple[float, Callable[[], None]]]()

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, work: Callable[[], None]) -> SimpleNamespace:
        self.timers.append((seconds, work))
        return SimpleNamespace(cancel=lambda: None)


class _Transport:
    def __init__(self) -> None:
        self.written, self.closed = list[bytes](), False

    def get_extra_info(self, _: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class _Always(Prompts):
    """Knows every request."""

    def answer(self, packet: bytes, dated: object) -> bytes:
        return b"answer to " + packet


@pytest.fixture
def loop() -> _Loop:
    return _Loop()


@pytest.fixture
def talk(loop: _Loop) -> PromptConnection:
    async def nobody(scope: object, receive: object, send: object) -> None:
        raise AssertionError("nobody is asked")

    config = uvicorn.Config(nobody, timeout_keep_alive=int(_PATIENCE))
    config.load()
    made = connection(_Always(Metrics()))(config, ServerState(), {}, loop)  # type: ignore[arg-type]
    made.connection_made(_Transport())  # type: ignore[arg-type]
    return made


def test_prompt_answers_are_written_and_counted(talk: PromptConnection) -> None:
    for packet in (b"one", b"two"):
        talk.data_received(packet)
    assert talk.transport.written == [b"answer to one", b"answer to two"]  # type: ignore[attr-defined]
    assert talk.server_state.total_requests == 2


def test_a_connection_is_closed_when_it_was_silent_for_as_long_as_it_may(talk: PromptConnection, loop: _Loop) -> None:
    talk.data_received(b"first")
    (patience, ring), *rest = loop.timers
    assert (patience, rest) == (_PATIENCE, [])
    loop.now += 50
    talk.data_received(b"second")
    loop.now += 25
    ring()
    assert not talk.transport.is_closing()
    assert loop.timers[-1][0] == 50
    loop.now += 50
    loop.timers[-1][1]()
    assert talk.transport.is_closing()


def test_a_connection_nobody_reads_from_takes_the_usual_way(talk: PromptConnection) -> None:
    talk.flow.pause_writing()
    talk.data_received(b"no HTTP")
    assert talk.transport.written[0].startswith(b"HTTP/1.1 400")  # type: ignore[attr-defined]
