"""A data folder has one owner, and what was acknowledged survives it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hedgerow.engine.folder import FolderLock, FolderTaken

_OWNER = """
import asyncio, sys
from pathlib import Path
from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.result import Column, Query
import pyarrow as pa

async def main():
    engine = ChdbEngine(Path(sys.argv[1]))
    if sys.argv[2] == "count":
        print((await engine.run(Query("SELECT count() FROM p1.t"))).rows.decode().strip(), flush=True)
        await engine.close()
        return
    await engine.create_database("p1")
    await engine.create_table("p1", "t", [Column("id", "Int64")])
    while True:
        await engine.insert_arrow("p1", "t", pa.table({"id": list(range(100))}).to_batches())
        print("acknowledged", flush=True)

asyncio.run(main())
"""


def _start(folder: Path, what: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _OWNER, str(folder), what], stdout=subprocess.PIPE, text=True)


def test_a_second_owner_is_refused_by_name(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderTaken) as caught:
        FolderLock(tmp_path)
    assert str(tmp_path) in caught.value.detail
    assert str(os.getpid()) in caught.value.detail
    lock.release()
    FolderLock(tmp_path).release()


@pytest.mark.slow
def test_acknowledged_rows_survive_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    owner = _start(folder, "fill")
    assert owner.stdout
    for _ in range(20):
        assert owner.stdout.readline() == "acknowledged\n"
    owner.send_signal(signal.SIGKILL)
    acknowledged = 20 + owner.stdout.read().count("acknowledged")
    owner.wait()
    owner.stdout.close()
    counter = _start(folder, "count")
    output, _ = counter.communicate(timeout=60)
    found = int(output.strip("[]\n"))
    assert found >= acknowledged * 100
    assert found % 100 == 0, "a batch is there whole or not at all"
