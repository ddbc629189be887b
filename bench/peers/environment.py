"""A Python environment of its own for each peer that is a Python program, in .cache/peers."""

import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The newest dbt-core fetches a binary from elsewhere while it is installed.
NEEDS: Mapping[str, Sequence[str]] = {
    "dbt": ("dbt-core>=1.11,<1.12", "dbt-duckdb>=1.10,<2"),
    "sqlmesh": ("sqlmesh>=0.236,<1",),
    "dlt": ("dlt[parquet]>=1.31,<2", "sqlalchemy>=2,<2.1", "connectorx>=0.4,<1", "psycopg2-binary>=2.9,<3"),
}


class Absent(Exception):
    """The peer cannot be installed here; the text says why."""


def python_of(peer: str) -> Path:
    """The Python of the peer's own environment, made at the first call; raises `Absent`."""
    home = ROOT / ".cache" / "peers" / peer
    python, ready = home / "bin" / "python", home / ".ready"
    if not ready.exists():
        print(f"installing {', '.join(NEEDS[peer])} for comparison (once)", file=sys.stderr)
        venv.create(home, with_pip=True)
        command = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *NEEDS[peer]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Absent(f"{peer} could not be installed: {done.stderr.strip().splitlines()[-1:]}")
        ready.touch()
    return python


def version(peer: str) -> str:
    """The tool's name and version."""
    name = NEEDS[peer][0].split(">")[0].split("[")[0]
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([python_of(peer), "-c", code], capture_output=True, text=True, check=True)
    return f"{name} {done.stdout.strip()}"
