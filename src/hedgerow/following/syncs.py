"""Follows the syncs of sources to their ends, with a bar per table where somebody looks."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from hedgerow.following.project import Project

_EVERY = 0.5


class Board(Protocol):
    """Where tables are shown."""

    def show(self, table: str, run: Mapping[str, Any]) -> None: ...


def follow(project: Project, sources: Sequence[str], board: Board, wanted: frozenset[str] | None = None) -> list[str]:
    """Wait until nothing of those sources (ids) runs; the tables that failed. `wanted`: only schemas of these ids."""
    while True:
        running, failed = False, []
        for source_id in sources:
            source = project.get(f"external_data_sources/{source_id}/")
            runs = project.get(f"external_data_sources/{source_id}/jobs/")
            for schema in source["schemas"]:
                # What a fault has switched off meanwhile is followed all the same.
                off = not schema["should_sync"] and schema["status"] != "Failed"
                if off if wanted is None else schema["id"] not in wanted:
                    continue
                last = next((run for run in runs if run["schema"] and run["schema"]["id"] == schema["id"]), None)
                if last is not None:
                    board.show(schema["hogql_name"], last)
                running = running or schema["status"] == "Running"
                if schema["status"] == "Failed":
                    failed.append(schema["hogql_name"])
        if not running:
            return failed
        time.sleep(_EVERY)


@contextmanager
def shown(console: Console) -> Iterator[Board]:
    """Bars on a terminal; elsewhere a line for each table that ends."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), _Rows(), _Bytes(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[str] = set()

    def show(self, table: str, run: Mapping[str, Any]) -> None:
        if run["status"] != "Running" and table not in self._told:
            self._told.add(table)
            self._console.print(ending(table, run), soft_wrap=True, highlight=False, markup=False)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def show(self, table: str, run: Mapping[str, Any]) -> None:
        if table not in self._tasks:
            self._tasks[table] = self._progress.add_task(table, total=None, bytes=0)
        task, rows = self._tasks[table], run["rows_synced"]
        over = run["status"] != "Running"
        total = rows if over else max(rows, run["rows_expected"] or 0) or None
        words = f"[red]{table}[/]" if run["status"] == "Failed" else table
        if over and total == 0:
            rows = total = 1  # a bar of nothing would never be full
        fields = {"bytes": run["bytes_synced"], "rows": run["rows_synced"]}
        self._progress.update(task, completed=rows, total=total, description=words, **fields)


class _Rows(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(f"{task.fields.get('rows', 0):>12,} rows")


class _Bytes(_Rows):
    def render(self, task: Task) -> Text:
        return Text(f"{decimal(task.fields.get('bytes', 0)):>9}")


class _Rate(_Rows):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:>10,.0f}/s")


def ending(table: str, run: Mapping[str, Any]) -> str:
    """How a table's sync ended, in a line."""
    if run["status"] == "Failed":
        return f"{table}: failed: {run['latest_error']}"
    words = f"{table}: {run['rows_synced']:,} rows, {decimal(run['bytes_synced'])}"
    if run["rows_deleted"]:
        words += f", {run['rows_deleted']:,} deleted"
    if run["null_cursors"]:
        words += f"; {run['null_cursors']:,} rows without a value to sync by: later syncs do not see them"
    return words
