"""Starts the real `hedgerow serve` on a free port, for tests that talk HTTP to the real process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

START_SECONDS = 60.0
STOP_SECONDS = 20.0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A running server: `url`, the `HEDGEROW_*` variables it was given, its process, and what it has printed."""

    def __init__(self, home: Path, environment: Mapping[str, str], module: Sequence[str] = ("hedgerow",)) -> None:
        port = environment.get("HEDGEROW_PORT", str(free_port()))
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {"HEDGEROW_HOME": str(home), "HEDGEROW_PORT": port, **environment}
        self.log_file = home.parent / f"{home.name}.serve.{port}.log"
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *module, "serve"],
                env=os.environ | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """All it has printed so far."""
        return self.log_file.read_text(errors="replace")

    def client(self, key: str | None = None, **options: object) -> httpx.Client:
        """A client of this server; close it, or use it with `with`."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)  # type: ignore[arg-type]

    def await_ready(self, seconds: float = START_SECONDS) -> None:
        """Return when `/readyz` answers 200; fail with the log when the process ends or takes too long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log}"
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"the server was not ready within {seconds:.0f} s:\n{self.log}")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, wait, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(by)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def start_server(
    home: Path, env: Mapping[str, str] | None = None, module: Sequence[str] = ("hedgerow",)
) -> Iterator[Server]:
    """A ready server on `home`; it is stopped afterwards, by force when it does not stop itself."""
    server = Server(home, env or {}, module)
    try:
        server.await_ready()
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
