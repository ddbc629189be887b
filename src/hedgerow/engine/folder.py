"""One process owns a data folder: the lock that says so, and the error that names the owner."""

import fcntl
import os
from pathlib import Path

from hedgerow.kit.errors import HedgerowError


class FolderTaken(HedgerowError):
    """Another process owns the folder, or it cannot be written."""


class FolderLock:
    """Holds `<folder>/.lock` until released or the process ends."""

    def __init__(self, folder: Path) -> None:
        path = folder / ".lock"
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderTaken(f"The data folder {folder} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise FolderTaken(f"The data folder {folder} is in use by process {owner}.") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another process have the folder."""
        os.close(self._file)
