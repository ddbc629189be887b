"""Fixtures for the caches: a Redis that is there, or one the tests start."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.processes import free_port
from tests.support.require import missing


class RedisServer:
    """A `redis-server` of the tests' own, on a free port, keeping nothing on disk."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder, self._port = binary, folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        command = [
            self._binary,
            "--port",
            str(self._port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not _answers("127.0.0.1", self._port):
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Connected, and answering nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        yield
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test may stop, freeze and start."""
    binary = shutil.which("redis-server")
    if binary is None:
        missing("redis-server", "not on the PATH")
    server = RedisServer(binary, tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`HEDGEROW_TEST_REDIS_URL`, else database 9 of one on 127.0.0.1:6379, else one started here."""
    named = os.environ.get("HEDGEROW_TEST_REDIS_URL")
    if named:
        yield named
        return
    if _answers("127.0.0.1", 6379):
        yield "redis://127.0.0.1:6379/9"
        return
    binary = shutil.which("redis-server")
    if binary is None:
        missing("Redis", "HEDGEROW_TEST_REDIS_URL is not set, 127.0.0.1:6379 is silent, no redis-server on the PATH")
    server = RedisServer(binary, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
