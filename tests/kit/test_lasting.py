"""What a start leaves behind."""

import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from hedgerow.kit import lasting

_MAPS = """\
1000-3000 r-xp 00000000 fe:00 7    /lib/engine.so
Rss:                   8 kB
Anonymous:             0 kB
4000-5000 r--p 00003000 fe:00 7    /lib/engine.so
Anonymous:             4 kB
6000-7000 rw-p 00004000 fe:00 7    /lib/engine.so
Anonymous:             0 kB
8000-9000 r--p 00000000 fe:00 9    /lib/other one.so
Anonymous:             0 kB
a000-b000 r-xp 00000000 00:00 0    [vdso]
Anonymous:             0 kB
"""
_WHOLE = """
import gc, zlib
from hedgerow.kit import lasting
lasting.begin()
assert not gc.isenabled()
import pyarrow as pa, pyarrow.compute as pc
lasting.end()
assert gc.isenabled() and gc.get_freeze_count() > 1000
print(pc.sum(pa.array(range(1000))).as_py(), zlib.crc32(b"still there"))
"""


def test_only_unwritten_pages_of_files_are_let_go() -> None:
    assert list(lasting._unchanged(_MAPS)) == [(0x1000, 0x2000), (0x8000, 0x1000)]


def test_code_that_was_let_go_comes_back_when_it_is_needed() -> None:
    said = subprocess.run([sys.executable, "-c", _WHOLE], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["499500", str(zlib.crc32(b"still there"))]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells what is mapped")
def test_mapped_code_is_let_go() -> None:
    script = """
import re, pyarrow
from pathlib import Path
from hedgerow.kit import lasting
held = lambda: int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = held()
lasting.end()
print(before, held())
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before, after = map(int, said.stdout.split())
    assert after < before / 2
