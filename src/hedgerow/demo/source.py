"""The demo's source: a SQLite file of the flights, made here and kept in step like any other database."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from hedgerow.demo import flights
from hedgerow.demo.publish import DemoFailed, Project, Report

FILE = "flights.sqlite"
_SECONDS = 300.0
_TABLES = ("airlines", "flights")
_TYPES = {"int64": "INTEGER", "double": "REAL"}


def connect(project: Project, folder: Path, report: Report) -> None:
    """Make the file and the source that reads it, unless they are there; its first sync is waited for."""
    if "SQLite" in project.names("external_data_sources/", "source_type"):
        return
    _write(folder)
    cursor = {"incremental_field": "id", "incremental_field_type": "integer"}
    wishes = [
        {"name": "airlines", "should_sync": True, "sync_type": "full_refresh"},
        {"name": "flights", "should_sync": True, "sync_type": "incremental", **cursor},
    ]
    body = {"source_type": "SQLite", "payload": {"path": FILE, "schemas": wishes}}
    source = project.call("POST", "external_data_sources/", json=body)
    for table, rows in _synced(project, source["id"]).items():
        report(f"source SQLite: {table} ({rows:,} rows), kept in step every 6 hours")


def _synced(project: Project, source_id: str) -> dict[str, int]:
    """How many rows each table has, when all are there."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        source = project.call("GET", f"external_data_sources/{source_id}/")
        if source["status"] == "Completed" and all(schema["table"] for schema in source["schemas"]):
            return {f"sqlite.{schema['name']}": schema["table"]["row_count"] for schema in source["schemas"]}
        if source["status"] == "Failed":
            raise DemoFailed(f"the source did not sync: {source['latest_error']}")
        time.sleep(0.1)
    raise DemoFailed(f"the source did not sync within {_SECONDS:.0f} seconds.")


def _write(folder: Path) -> None:
    """The tables, each row with an id of its own; the file appears when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    making = folder / f".{FILE}.new"
    making.unlink(missing_ok=True)
    with closing(sqlite3.connect(making)) as file:
        for table in _TABLES:
            rows = flights.read(table)
            columns = [f'"{field.name}" {_TYPES.get(str(field.type), "TEXT")}' for field in rows.schema]
            file.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(columns)})")
            names = ", ".join(f'"{name}"' for name in rows.column_names)
            marks = ", ".join(["?"] * rows.num_columns)
            for batch in rows.to_batches(50_000):
                values = zip(*(_plain(column) for column in batch.columns), strict=True)
                file.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
        file.commit()
    os.replace(making, folder / FILE)


def _plain(column: pa.Array) -> list[Any]:
    """Values as SQLite keeps them: times as texts."""
    found: list[Any] = (column.cast("string") if pa.types.is_temporal(column.type) else column).to_pylist()
    return found
