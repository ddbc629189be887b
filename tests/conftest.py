"""Fixtures for all tests; each service's are in `tests/support`."""

import pytest

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
