"""The setting names the place."""

from pathlib import Path

import pytest

from hedgerow.files import open_files
from hedgerow.files.folder import FolderFiles
from hedgerow.files.s3 import S3Files


def test_empty_is_a_folder_in_home(tmp_path: Path) -> None:
    assert isinstance(open_files("", tmp_path), FolderFiles)
    assert (tmp_path / "files").is_dir()


@pytest.mark.parametrize("form", ["{}/kept", "file://{}/kept"])
def test_a_folder_is_made(tmp_path: Path, form: str) -> None:
    assert isinstance(open_files(form.format(tmp_path), tmp_path), FolderFiles)
    assert (tmp_path / "kept").is_dir()


def test_a_bucket(tmp_path: Path) -> None:
    assert isinstance(open_files("s3://key:secret@storage.example.com/bucket", tmp_path), S3Files)


def test_other_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ftp"):
        open_files("ftp://host/folder", tmp_path)
