"""Real ClickHouse servers for tests: one node, or two that form a cluster of two shards."""

import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.clickhouse_library import LIBRARY
from tests.support.processes import free_port

CLUSTER = "pair"
_START_SECONDS = 60.0


@dataclass
class Node:
    """A running server; it may be killed and started again on its folder and its ports."""

    process: subprocess.Popen[bytes]
    http_port: int
    tcp_port: int
    log: Path
    command: Sequence[str | Path]

    @property
    def url(self) -> str:
        return f"clickhouse://default@127.0.0.1:{self.http_port}/"

    def stands(self) -> bool:
        """Whether it answers; for seconds before it ends it refuses whatever it is asked."""
        question = urllib.parse.quote("SELECT 1")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/?query={question}", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.kill()
        self.process.wait(10)

    def start_again(self) -> None:
        """After `stop`; returns when it answers."""
        self.process = _process(self.command, self.log)
        _await(self)


def start_nodes(folder: Path, count: int, more: str = "") -> list[Node]:
    """Start `count` servers; more than one know each other as the shards of `CLUSTER`. `more` is XML of settings."""
    ports = [(free_port(), free_port()) for _ in range(count)]
    config = _config(folder, [tcp for _, tcp in ports], more)
    nodes = [_start(folder / f"node{i}", config, http, tcp) for i, (http, tcp) in enumerate(ports)]
    for node in nodes:
        _await(node)
    return nodes


def _config(folder: Path, tcp_ports: Sequence[int], more: str) -> Path:
    shards = "".join(
        f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>" for port in tcp_ports
    )
    text = f"<clickhouse><remote_servers><{CLUSTER}>{shards}</{CLUSTER}></remote_servers>{more}</clickhouse>"
    path = folder / "config.xml"
    path.write_text(text)
    return path


def _start(folder: Path, config: Path, http_port: int, tcp_port: int) -> Node:
    folder.mkdir()
    arguments = [
        f"--path={folder / 'data'}",
        f"--http_port={http_port}",
        f"--tcp_port={tcp_port}",
        "--listen_host=127.0.0.1",
        f"--config-file={config}",
    ]
    script = Path(__file__).with_name("clickhouse_process.py")
    log = folder / "log"
    command = [sys.executable, script, LIBRARY, *arguments]
    return Node(_process(command, log), http_port, tcp_port, log, command)


def _process(command: Sequence[str | Path], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)


def _await(node: Node) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        assert node.process.poll() is None, node.log.read_text(errors="replace")[-2000:]
        try:
            # Nothing but whole requests: a malformed one would end such a server.
            with urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/ping", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start: {node.log.read_text(errors='replace')[-2000:]}")
