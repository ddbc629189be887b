"""Picks the place for files that a setting names."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from hedgerow.files.base import Files
from hedgerow.files.folder import FolderFiles


def open_files(url: str, home: Path) -> Files:
    """`s3://…`, a folder (`file:///…` or a path), or empty for `files/` in the home folder. Raises `ValueError`."""
    if not url:
        return FolderFiles(home / "files")
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from hedgerow.files.s3 import S3Files  # its library takes longer to load than all the rest here

        return S3Files(url)
    if parts.scheme == "file":
        return FolderFiles(Path(unquote(parts.path)))
    if "://" in url:
        raise ValueError(f"files cannot be kept in {parts.scheme}://…: name a folder, or s3://key:secret@host/bucket")
    return FolderFiles(Path(url).expanduser())
