"""Where uploaded files are kept: a folder, or any S3-compatible bucket."""

from hedgerow.files.base import Files, FilesUnavailable, MissingFile
from hedgerow.files.opening import open_files

__all__ = ["Files", "FilesUnavailable", "MissingFile", "open_files"]
