"""Fetches the ClickHouse library that tests run as a server: once, into the checkout's cache folder."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@chdb/lib-linux-x64-gnu@26.7.3-stable.1"
FOLDER = Path(__file__).parents[2] / ".cache" / "clickhouse"
LIBRARY = FOLDER / "libchdb.so"


def fetch() -> str:
    """Make `LIBRARY` exist; why it could not be, or an empty text."""
    if LIBRARY.exists():
        return ""
    if sys.platform != "linux":
        return "the library is for Linux"
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        done = subprocess.run([npm, "pack", PACKAGE], cwd=folder, capture_output=True, text=True, check=False)
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or not packed:
            return f"npm pack failed: {done.stderr.strip().splitlines()[-1:]}"
        with tarfile.open(packed[0]) as archive:
            member = next(m for m in archive if m.name.endswith("libchdb.so"))
            member.name = "libchdb.so"
            archive.extract(member, folder, filter="data")
        (Path(folder) / "libchdb.so").rename(LIBRARY)
    return ""


if __name__ == "__main__":
    reason = fetch()
    if reason:
        print(f"    the ClickHouse server's tests will be skipped: {reason}")
