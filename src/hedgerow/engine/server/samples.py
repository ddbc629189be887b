"""What a server is shown of a local file to tell its columns: the head of a text, or an empty Parquet file like it."""

import io
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from hedgerow.engine.faults import file_fault

_HEAD_BYTES = 512 << 10


def described_by(path: Path, input_format: str) -> str:
    """A table expression `format(name, data)` whose columns are the file's."""
    if input_format == "Parquet":
        return f"format(Parquet, unhex('{_empty_parquet(path).hex()}'))"
    with path.open("rb") as content:
        head = content.read(_HEAD_BYTES + 1)
    if len(head) > _HEAD_BYTES:
        head = head[: head.rfind(b"\n") + 1]
    if not head.strip():
        raise file_fault("the file is empty")
    return f"format({input_format}, unhex('{head.hex()}'))"


def _empty_parquet(path: Path) -> bytes:
    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        if path.stat().st_size == 0:
            raise file_fault("the file is empty") from error
        raise file_fault("not a Parquet file: no parquet magic bytes") from error
    target = io.BytesIO()
    parquet.write_table(schema.empty_table(), target)
    return target.getvalue()
