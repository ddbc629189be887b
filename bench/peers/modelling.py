"""dbt-core with dbt-duckdb, and SQLMesh, on a graph of models: seconds for all of them as tables."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HERE = Path(__file__).parent
# The newest dbt-core fetches a binary from elsewhere while it is installed.
NEEDS: Mapping[str, Sequence[str]] = {
    "dbt": ("dbt-core>=1.11,<1.12", "dbt-duckdb>=1.10,<2"),
    "sqlmesh": ("sqlmesh>=0.236,<1",),
}
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}


class Absent(Exception):
    """The peer cannot be installed here; the text says why."""


def seconds(peer: str, folder: Path, rows: Path, models: Mapping[str, tuple[str, str]], rounds: int) -> list[float]:
    """What each round took, with the tool loaded and the models parsed; raises `Absent`.

    `models` are texts by name, each with what it reads at `{parent}`: a model, or `base`, the table of the file `rows`.
    """
    python = _environment(peer)
    folder.mkdir()
    (folder / "models.json").write_text(json.dumps(dict(models)))
    command = [python, _HERE / f"{peer}_process.py", folder, rows, str(rounds)]
    done = subprocess.run(command, env=os.environ | _QUIET, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"{peer}: {(done.stderr or done.stdout)[-2000:]}")
    found: list[float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def version(peer: str) -> str:
    """The tool's name and version."""
    name = NEEDS[peer][0].split(">")[0]
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([_environment(peer), "-c", code], capture_output=True, text=True, check=True)
    return f"{name} {done.stdout.strip()}"


def _environment(peer: str) -> Path:
    """The Python of the peer's own environment, made at the first call."""
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
