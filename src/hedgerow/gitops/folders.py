"""Files in folders: which there are, and how they are replaced."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from hedgerow.gitops.faults import FileFault

_ENDS = frozenset({".yaml", ".yml"})


def found(paths: Sequence[Path]) -> list[Path]:
    """The files that are named, and the YAML files below the folders that are; sorted. Raises `FileFault`."""
    files: set[Path] = set()
    for path in paths:
        if path.is_dir():
            files.update(_below(path))
        elif path.is_file():
            files.add(path)
        else:
            raise FileFault(str(path), "there is no such file or folder")
    return sorted(files)


def put(path: Path, text: str) -> bool:
    """Replace a file as a whole; whether that changed it. Folders are made. Raises `FileFault`."""
    content = text.encode()
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.is_file() else 0o666 & ~_umask()
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise FileFault(str(path), f"cannot be written: {error.strerror}") from None
    return True


def _below(folder: Path) -> Iterable[Path]:
    """Hidden files and folders are passed over."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.suffix in _ENDS and path.is_file() and not any(part.startswith(".") for part in parts):
            yield path


def _umask() -> int:
    present = os.umask(0)
    os.umask(present)
    return present
