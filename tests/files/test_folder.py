"""Files in a folder keep the rules of all places, and the folder closed."""

import stat
from pathlib import Path

import pytest

from hedgerow.files import Files, FilesUnavailable
from hedgerow.files.folder import FolderFiles
from tests.conformance.files import FilesConformance


class TestFolderFiles(FilesConformance):
    @pytest.fixture
    def files(self, tmp_path: Path) -> Files:
        return FolderFiles(tmp_path / "kept")


@pytest.mark.anyio
async def test_only_the_owner_may_look(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "kept")
    source = tmp_path / "source"
    source.write_bytes(b"x")
    await files.put("p1/a", source)
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "kept/p1/a").stat().st_mode) == 0o600


@pytest.mark.anyio
async def test_a_place_that_cannot_be_written_says_so_and_keeps_nothing(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "kept")
    (tmp_path / "kept" / "p1").write_bytes(b"a file where a folder must be")
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(FilesUnavailable, match="could not be kept"):
        await files.put("p1/a", source)
    assert await files.keys("p1/") == []


@pytest.mark.anyio
async def test_leftovers_of_a_crash_are_not_listed(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "kept")
    (tmp_path / "kept" / ".partial-abc").write_bytes(b"half")
    assert await files.keys("") == []
