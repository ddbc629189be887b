"""dbt-core with dbt-duckdb, and SQLMesh, on a graph of models: seconds for all of them as tables."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.peers.environment import python_of

_HERE = Path(__file__).parent
PEERS = ("dbt", "sqlmesh")
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}


def seconds(peer: str, folder: Path, rows: Path, models: Mapping[str, tuple[str, str]], rounds: int) -> list[float]:
    """What each round took, with the tool loaded and the models parsed; raises `Absent`.

    `models` are texts by name, each with what it reads at `{parent}`: a model, or `base`, the table of the file `rows`.
    """
    python = python_of(peer)
    folder.mkdir()
    (folder / "models.json").write_text(json.dumps(dict(models)))
    command = [python, _HERE / f"{peer}_process.py", folder, rows, str(rounds)]
    done = subprocess.run(command, env=os.environ | _QUIET, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"{peer}: {(done.stderr or done.stdout)[-2000:]}")
    found: list[float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
