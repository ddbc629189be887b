"""Servers that benchmarks measure: Hedgerow and floors, each in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

_START_SECONDS = 90.0


@contextmanager
def running(
    command: Sequence[str | Path], ready: str, environment: Mapping[str, str] | None = None, *, quiet: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """The command, once the address `ready` answers, with its variables over this process's; ended afterwards."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, env=os.environ | dict(environment or {}), stdout=output, stderr=output)
    try:
        end = time.monotonic() + _START_SECONDS
        while not _answers(ready):
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < end, f"{command[0]} does not answer"
            time.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def hedgerow(home: str | Path, port: int, key: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Hedgerow without rates, ready; `settings` by their names in lower case."""
    usual = {"home": str(home), "port": str(port), "bootstrap_key": key, "log_level": "error", "throttle": "false"}
    environment = {f"HEDGEROW_{name.upper()}": value for name, value in (usual | settings).items()}
    command = [sys.executable, "-m", "hedgerow", "serve"]
    with running(command, f"http://127.0.0.1:{port}/readyz", environment) as process:
        yield process


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).status_code != 503
    except httpx.TransportError:
        return False
