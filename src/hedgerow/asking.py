"""Asks a running server a question over HTTP and prints its answer; for `hedgerow query`."""

import csv
import json
import sys
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from hedgerow.kit.errors import HedgerowError

_TIMEOUT = 120.0


class NotAnswered(HedgerowError):
    """The server is not there, or refused."""


def ask(url: str, key: str, project: str, text: str) -> dict[str, Any]:
    """The answer's JSON object; raises `NotAnswered` in the server's own words."""
    if not key:
        raise NotAnswered("no key: set HEDGEROW_KEY or give --key (hedgerow key create makes one).")
    body = {"query": {"kind": "HogQLQuery", "query": text}}
    headers = {"Authorization": f"Bearer {key}"}
    try:
        answer = httpx.post(f"{url}/api/projects/{project}/query/", json=body, headers=headers, timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        raise NotAnswered(f"no answer from {url}: {error}") from error
    if answer.is_error:
        raise NotAnswered(_refusal(answer))
    found: dict[str, Any] = answer.json()
    return found


def show(answer: dict[str, Any], output: str) -> None:
    """Print as `table`, `json` or `csv`."""
    if output == "json":
        print(json.dumps(answer["results"], ensure_ascii=False))
    elif output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(answer["columns"])
        writer.writerows(answer["results"])
    elif output == "table":
        table = Table(*answer["columns"], box=None)
        for row in answer["results"]:
            table.add_row(*("" if value is None else str(value) for value in row))
        Console(highlight=False, width=None if sys.stdout.isatty() else 400).print(table)
    else:
        raise NotAnswered(f"--format {output}: choose table, json or csv.")


def _refusal(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:300]}"
