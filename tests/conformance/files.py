"""What every place for files must do; inherited by the tests of each."""

from pathlib import Path

import pytest

from hedgerow.files import Files, MissingFile


class FilesConformance:
    """A subclass gives a fixture `files`: an empty place."""

    @pytest.fixture
    def files(self) -> Files:
        raise NotImplementedError

    @pytest.mark.anyio
    async def test_what_was_put_is_read(self, files: Files, tmp_path: Path) -> None:
        await files.put("p1/a/data.csv", _file(tmp_path, b"id,v\n1,2\n"))
        assert await _read(files, "p1/a/data.csv") == b"id,v\n1,2\n"
        assert await files.size("p1/a/data.csv") == 9

    @pytest.mark.anyio
    async def test_large_files_come_in_chunks(self, files: Files, tmp_path: Path) -> None:
        content = bytes(range(256)) * (20 << 12)
        await files.put("large.bin", _file(tmp_path, content))
        chunks = [chunk async for chunk in files.read("large.bin")]
        assert b"".join(chunks) == content
        assert max(map(len, chunks)) <= 1 << 20

    @pytest.mark.anyio
    async def test_putting_again_replaces(self, files: Files, tmp_path: Path) -> None:
        await files.put("a", _file(tmp_path, b"a longer first content"))
        await files.put("a", _file(tmp_path, b"second"))
        assert await _read(files, "a") == b"second"
        assert await files.keys("") == ["a"]

    @pytest.mark.anyio
    async def test_an_empty_file_is_a_file(self, files: Files, tmp_path: Path) -> None:
        await files.put("empty", _file(tmp_path, b""))
        assert await files.size("empty") == 0
        assert await _read(files, "empty") == b""

    @pytest.mark.anyio
    async def test_missing_files_say_so(self, files: Files) -> None:
        with pytest.raises(MissingFile):
            await _read(files, "p1/none")
        with pytest.raises(MissingFile):
            await files.size("p1/none")

    @pytest.mark.anyio
    async def test_deleted_files_are_gone_and_deleting_twice_is_fine(self, files: Files, tmp_path: Path) -> None:
        await files.put("p1/a/x", _file(tmp_path, b"x"))
        await files.delete("p1/a/x")
        await files.delete("p1/a/x")
        assert await files.keys("") == []
        with pytest.raises(MissingFile):
            await files.size("p1/a/x")

    @pytest.mark.anyio
    async def test_keys_are_listed_by_prefix_in_order(self, files: Files, tmp_path: Path) -> None:
        for key in ("p1/b", "p1/a/c", "p2/a", "p10/a"):
            await files.put(key, _file(tmp_path, b"x"))
        assert await files.keys("p1/") == ["p1/a/c", "p1/b"]
        assert len(await files.keys("")) == 4

    @pytest.mark.anyio
    @pytest.mark.parametrize("key", ["", "/a", "../a", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "a\x00", "ä"])
    async def test_keys_that_could_lead_elsewhere_are_refused(self, files: Files, tmp_path: Path, key: str) -> None:
        with pytest.raises(ValueError, match="not a file key"):
            await files.put(key, _file(tmp_path, b"x"))
        with pytest.raises(ValueError, match="not a file key"):
            await _read(files, key)
        assert await files.keys("") == []

    @pytest.mark.anyio
    async def test_it_is_ready(self, files: Files) -> None:
        assert await files.ready()


def _file(folder: Path, content: bytes) -> Path:
    path = folder / f"source-{len(list(folder.iterdir()))}"
    path.write_bytes(content)
    return path


async def _read(files: Files, key: str) -> bytes:
    return b"".join([chunk async for chunk in files.read(key)])
