"""Fixtures for all tests; each service's are in `tests/support`."""

import pytest
import structlog

pytest_plugins = [
    "tests.support.engines",
    "tests.support.stores",
    "tests.support.caches",
    "tests.support.buckets",
    "tests.support.disks",
    "tests.support.apps",
    "tests.support.remotes",
    "tests.support.ssh_server",
]


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the server does."""
    return "asyncio"


def pytest_configure() -> None:
    """Tracebacks as a process writes them: structlog's own draw every local value, which takes up to half a minute."""
    lines = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], lines])
