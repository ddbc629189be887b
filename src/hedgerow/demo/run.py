"""Runs the demo: a server process, the data, a summary to start from, and a clean stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from rich.console import Console

from hedgerow.demo.flights import DataMissing
from hedgerow.demo.publish import DemoFailed, Project, publish
from hedgerow.demo.source import connect
from hedgerow.kit.ids import token
from hedgerow.kit.settings import Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0


def run(settings: Settings) -> int:
    """Start a server, load and publish what is missing, print how to go on, wait for Ctrl-C; the exit status."""
    console = Console(highlight=False)
    key = _remembered_key(settings.home_path)
    server = _start(key, settings)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        address = _await_ready(server, settings)
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=120) as api:
            key = _accepted_key(api, key, settings.home_path)
            publish(Project(api), lambda line: console.print(f"  [green]✓[/] {line}"))
            connect(Project(api), settings.source_folder, lambda line: console.print(f"  [green]✓[/] {line}"))
            _summarise(console, api, address, key)
        return server.wait()
    except KeyboardInterrupt:
        return _stop(server)
    except (DataMissing, DemoFailed, httpx.HTTPError) as error:
        console.print(f"[red]The demo stopped:[/] {error}")
        _stop(server)
        return 1


def _remembered_key(home: Path) -> str:
    file = home / "demo.key"
    return file.read_text().strip() if file.exists() else token("phx_")


def _remember(home: Path, key: str) -> None:
    file = home / "demo.key"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as content:
        content.write(key + "\n")


def _start(key: str, settings: Settings) -> subprocess.Popen[bytes]:
    environment = os.environ | {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "hedgerow", "serve", "--host", settings.host, "--port", str(settings.port)]
    # A group of its own: Ctrl-C in a terminal reaches this process, which then stops the server in order.
    return subprocess.Popen(command, env=environment, start_new_session=True)


def _await_ready(server: subprocess.Popen[bytes], settings: Settings) -> str:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  (compared, not bound)
    address = f"http://{host}:{settings.port}"
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise DemoFailed("the server did not start; its own words are above.")
        try:
            if httpx.get(f"{address}/readyz", timeout=2).is_success and server.poll() is None:
                return address
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise DemoFailed(f"the server was not ready within {_START_SECONDS:.0f} seconds.")


def _accepted_key(api: httpx.Client, key: str, home: Path) -> str:
    """A key the server takes: the remembered one, or (where the home had its users before the demo) a new one."""
    if api.get("/api/users/@me/").status_code == httpx.codes.UNAUTHORIZED:
        command = [sys.executable, "-m", "hedgerow", "key", "create", "--scopes", "*", "--label", "demo"]
        done = subprocess.run([*command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoFailed(done.stderr.strip() or done.stdout.strip())
        key = done.stdout.strip().splitlines()[-1]
        api.headers["Authorization"] = f"Bearer {key}"
    _remember(home, key)
    return key


def _summarise(console: Console, api: httpx.Client, address: str, key: str) -> None:
    run_path = "/api/projects/1/endpoints/delays_by_carrier/run"
    body = '{"variables": {"origin": "LGA", "month": 7, "min_flights": 100}}'
    answer = api.post(run_path, content=body, headers={"Content-Type": "application/json"})
    rows = answer.json()["results"] if answer.is_success else []
    if not rows:
        raise DemoFailed(f"the endpoint did not answer with rows: {answer.status_code} {answer.text[:300]}")
    console.print(
        f"\n[bold]Hedgerow is running.[/] {len(rows)} airlines answered, {rows[0][0]} with the longest delays.\n\n"
        f"  key    {key}\n"
        f"  docs   {address}/api/docs/\n\n"
        "Ask an endpoint (another airport, another month):\n",
        soft_wrap=True,
    )
    print(
        f"  curl -s {address}{run_path} \\\n"
        f"    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n"
        f"    -d '{body}'\n",
        flush=True,
    )
    command = os.path.relpath(Path(sys.executable).parent / "hedgerow")
    console.print("Keep the endpoints as files, to review, test and push them:\n")
    print(f"  {command} endpoints pull --host {address} --api-key {key}\n", flush=True)
    console.print("Ctrl-C stops it; the data stays for the next `make demo`.")


def _stop(server: subprocess.Popen[bytes]) -> int:
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    return 0
