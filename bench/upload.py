"""Uploads: rows a second of the whole way in against the engine's own insert, and the memory a large file takes."""

import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from bench.processes import hedgerow
from bench.table import Measured, show
from hedgerow.kit.ids import token

_ROWS = 34_500_000
_PORT = 18_474
_MOST_MEMORY_MB = 200.0
# What was loaded is merged in the background once it is all there: that takes memory, too.
_MERGING_SECONDS = 30


def _write_csv(path: Path, rows: int) -> float:
    """Some 50 bytes a row; the file's size in MB."""
    with path.open("w") as file:
        file.write("id,name,amount,at,note\n")
        for start in range(0, rows, 10_000):
            lines = (
                f"{n},customer {n % 5000},{n % 1000}.25,2026-01-{n % 28 + 1:02} 10:00:00,note {n}\n"
                for n in range(start, start + 10_000)
            )
            file.writelines(lines)
    return path.stat().st_size / (1 << 20)


def _engine_alone(path: Path) -> float:
    """Seconds the engine takes for the same file, in a process of its own: one process opens one folder."""
    done = subprocess.run([sys.executable, "-m", "bench.upload", str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


async def _insert(path: Path) -> float:
    from hedgerow.engine.chdb import ChdbEngine
    from hedgerow.engine.result import LocalFile

    with tempfile.TemporaryDirectory() as folder:
        engine = ChdbEngine(Path(folder))
        await engine.create_database("p1")
        began = time.perf_counter()
        columns = await engine.describe_file(LocalFile(path, "CSVWithNames"))
        await engine.create_table("p1", "t", columns)
        await engine.insert_file("p1", "t", LocalFile(path, "CSVWithNames"), columns)
        seconds = time.perf_counter() - began
        await engine.close()
    return seconds


class _Memory:
    """Watches how much memory a process holds: until the whole of a file is on disk, and in all."""

    def __init__(self, pid: int, incoming: Path, size: int) -> None:
        self._pid, self._incoming, self._size = pid, incoming, size
        self._stop, self._arrived = threading.Event(), False
        self.start = self._resident()
        self.receiving = self.whole = self.start
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            now = self._resident()
            self.whole = max(self.whole, now)
            self._arrived = self._arrived or self._on_disk() >= self._size
            if not self._arrived:
                self.receiving = max(self.receiving, now)

    def _on_disk(self) -> int:
        try:
            return sum(path.stat().st_size for path in self._incoming.glob("*"))
        except FileNotFoundError:
            return 0

    def _resident(self) -> float:
        status = Path(f"/proc/{self._pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _post(path: Path, key: str, name: str) -> float:
    headers = {"Authorization": f"Bearer {key}"}
    url = f"http://127.0.0.1:{_PORT}/api/projects/1/warehouse_tables/file/"
    began = time.perf_counter()
    with path.open("rb") as content:
        answer = httpx.post(url, headers=headers, data={"name": name}, files={"file": ("t.csv", content)}, timeout=600)
    answer.raise_for_status()
    return time.perf_counter() - began


def main() -> None:
    """Load one large CSV both ways; print rates and memory."""
    key = token("phx_")
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "t.csv"), Path(folder, "small.csv")
        size = _write_csv(path, _ROWS)
        _write_csv(small, 10_000)
        alone = _engine_alone(path)
        home = f"{folder}/home"
        with hedgerow(home, _PORT, key, upload_max_bytes=str(4 << 30)) as process:
            _post(small, key, "first")
            with _Memory(process.pid, Path(home, "incoming"), path.stat().st_size) as memory:
                seconds = _post(path, key, "large")
                time.sleep(_MERGING_SECONDS)
    ours, floor = _ROWS / seconds / 1e6, _ROWS / alone / 1e6
    receiving, whole = memory.receiving - memory.start, memory.whole - memory.start
    show(
        f"Uploading a CSV of {size:.0f} MB, {_ROWS:,} rows",
        [
            Measured("million rows a second", ours, floor, "", ">= 0.5 of the engine's insert", ours >= floor / 2),
            Measured("seconds", seconds, alone, "s", "", None),
            Measured("memory while receiving", receiving, size, "MB", "<= 200 MB", receiving <= _MOST_MEMORY_MB),
            Measured("memory in all, with its merges", whole, size, "MB", "<= 200 MB", whole <= _MOST_MEMORY_MB),
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(asyncio.run(_insert(Path(sys.argv[1]))))
    else:
        main()
