"""The formats a table's files may have: the API's names, and how the engine reads each."""

from collections.abc import Mapping
from typing import Literal, get_args

Format = Literal["CSV", "CSVWithNames", "Parquet", "JSONEachRow", "Delta", "DeltaS3Wrapper"]
FORMATS: tuple[str, ...] = get_args(Format)

UPLOADED: tuple[str, ...] = ("CSV", "CSVWithNames", "Parquet", "JSONEachRow")
"""What one file can be; a Delta table is a folder of them."""

TEXT = frozenset({"CSV", "CSVWithNames", "JSONEachRow"})

DELTA = frozenset({"Delta", "DeltaS3Wrapper"})

MEDIA_TYPES: Mapping[str, str] = {
    "CSV": "text/csv; charset=utf-8",
    "CSVWithNames": "text/csv; charset=utf-8",
    "Parquet": "application/vnd.apache.parquet",
    "JSONEachRow": "application/x-ndjson",
}
