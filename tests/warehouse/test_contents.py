"""Text is checked whole, however its characters fall on the edges of what is read at once."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.engine.result import LocalFile
from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.uploads import contents

CHUNK = 1 << 20


def check(folder: Path, content: bytes, file_format: str = "CSV", most: int = 1 << 30) -> bool:
    path = folder / "file"
    path.write_bytes(content)
    return contents.check(LocalFile(path, file_format), most)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contents")


@pytest.mark.parametrize("shift", range(4))
def test_characters_may_lie_across_chunks(folder: Path, shift: int) -> None:
    content = b"x" * (CHUNK - shift) + "𝄞é".encode()
    assert check(folder, content) is False
    assert check(folder, gzip.compress(content)) is True


@pytest.mark.parametrize("position", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_the_first_bad_byte_is_named(folder: Path, position: int) -> None:
    with pytest.raises(InvalidInput, match=rf"byte {position + 1} belongs to no character"):
        check(folder, b"x" * position + b"\xff" + b"y" * 10)


def test_a_character_cut_off_at_the_end_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="byte 4 belongs to no character"):
        check(folder, b"abc\xe2\x82")


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_are_text_or_refused(folder: Path, content: bytes) -> None:
    try:
        content.decode()
        sound = b"\x00" not in content and not content.startswith((b"PAR1", b"PK\x03\x04", b"%PDF"))
    except UnicodeDecodeError:
        sound = False
    try:
        compressed = check(folder, content)
    except InvalidInput:
        assert not sound
    else:
        assert sound or compressed


@given(st.lists(st.text(max_size=10), max_size=6))
def test_names_pass_only_when_each_is_there_and_once(names: list[str]) -> None:
    try:
        contents.check_names(names)
    except InvalidInput:
        unwritable = [n for n in names if not n.strip() or not n.isprintable() or set(n) & {"`", "\\"}]
        assert unwritable or len(set(names)) < len(names)
    else:
        assert len(set(names)) == len(names)
        assert all(name.strip() for name in names)
