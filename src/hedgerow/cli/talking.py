"""How commands talk to whoever typed them: tables, a question before something is deleted, faults at the end."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hedgerow.kit.errors import HedgerowError

_UNBOUND = 400
"""Columns where nobody looks at a terminal: whoever reads the output by program wants whole lines."""


def console() -> Console:
    """Where tables are printed."""
    return Console(width=None if sys.stdout.isatty() else _UNBOUND, highlight=False)


def print_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A row each; `None` is an empty cell. What the server says is text, never markup."""
    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    console().print(table)


def confirm_deletion(names: Sequence[str], what: str = "", *, yes: bool) -> None:
    """Ask before these are deleted, unless `yes`; `what` is said after them. Raises where nobody can be asked."""
    if not names or yes:
        return
    if not sys.stdin.isatty():
        raise HedgerowError(f"--prune would delete {', '.join(names)}: say --yes where nobody can be asked.")
    typer.confirm(f"Delete {', '.join(names)}{what}?", abort=True)


def end_with(faults: Iterable[Exception | None]) -> None:
    """Tell of what went wrong; if anything did, end with status 1."""
    found = [fault for fault in faults if fault is not None]
    for fault in found:
        print(f"hedgerow: {fault}", file=sys.stderr)
    if found:
        raise typer.Exit(1)
