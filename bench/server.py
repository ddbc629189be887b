"""The whole server with the demo's data: seconds from process start to first answer, and idle memory."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.table import Measured, show
from hedgerow.demo.publish import Project, publish
from hedgerow.kit.ids import token

_PORT = 18_473


def _start(home: str, key: str) -> tuple[subprocess.Popen[bytes], float]:
    environment = os.environ | {
        "HEDGEROW_HOME": home,
        "HEDGEROW_PORT": str(_PORT),
        "HEDGEROW_BOOTSTRAP_KEY": key,
        "HEDGEROW_LOG_LEVEL": "error",
        "HEDGEROW_THROTTLE": "false",
    }
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "hedgerow", "serve"], env=environment)
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{_PORT}/readyz", timeout=2).is_success:
                return process, time.perf_counter() - began
        except httpx.TransportError:
            time.sleep(0.01)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    """Start empty, load the demo, restart with its data; print times and memory."""
    key = token("phx_")
    headers = {"Authorization": f"Bearer {key}"}
    with tempfile.TemporaryDirectory() as home:
        first, cold = _start(home, key)
        with httpx.Client(base_url=f"http://127.0.0.1:{_PORT}", headers=headers, timeout=120) as api:
            publish(Project(api), lambda _line: None)
            time.sleep(10)
            loaded = _resident_mb(first.pid)
        first.terminate()
        first.wait()
        second, warm = _start(home, key)
        began = time.perf_counter()
        run = f"http://127.0.0.1:{_PORT}/api/projects/1/endpoints/delays_by_carrier/run"
        httpx.get(run, headers=headers, timeout=30).raise_for_status()
        answered = warm + time.perf_counter() - began
        time.sleep(10)
        idle = _resident_mb(second.pid)
        second.terminate()
        second.wait()
    show(
        "The server with the demo loaded",
        [
            Measured("first start to ready", cold, 3.0, "s", "<= 3 s", cold <= 3),
            Measured("restart to first rows of an endpoint", answered, 3.0, "s", "<= 3 s", answered <= 3),
            Measured("memory after loading", loaded, 450, "MB", "<= 450 MB", loaded <= 450),
            Measured("memory idle after a restart", idle, 450, "MB", "<= 450 MB", idle <= 450),
        ],
    )


if __name__ == "__main__":
    main()
