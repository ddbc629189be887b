"""A disk that is soon full, for tests of what happens then."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.require import missing


def fill(file: Path) -> None:
    """Write until the disk has no room; raises `OSError`."""
    with file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(1 << 12))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with room for 40 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        missing("small disk", "mount is not installed")
    if done.returncode:
        missing("small disk", f"mounting a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
