"""The README's tour, block by block, against the real process: what it says it answers, it answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import start_server

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```(bash|json)\n(.*?)```", re.DOTALL)
KEY = "phx_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"

pytestmark = pytest.mark.acceptance


def _tour() -> list[tuple[str, Any]]:
    """(command, what its answer must hold or None), in order."""
    text = (ROOT / "README.md").read_text()
    tour = text[text.index("<!-- tour -->") : text.index("<!-- /tour -->")]
    steps: list[tuple[str, Any]] = []
    for kind, content in BLOCK.findall(tour):
        if kind == "bash":
            steps.append((content, None))
        else:
            steps[-1] = (steps[-1][0], json.loads(content))
    return steps


def test_tour_answers_what_it_says(tmp_path: Path) -> None:
    steps = _tour()
    assert sum(expected is not None for _, expected in steps) >= 7
    binary = Path(sys.executable).parent / "hedgerow"
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server:
        environment = os.environ | server.environment | {"HOST": server.url, "KEY": KEY}
        for command, expected in steps[1:]:
            script = command.replace(".venv/bin/hedgerow", str(binary))
            done = subprocess.run(
                ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            if expected is None:
                assert done.stdout.strip().splitlines()[-1].startswith("phx_")
                continue
            answer = json.loads(done.stdout)
            assert {key: answer.get(key) for key in expected} == expected, done.stdout


def test_every_command_and_page_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not (ROOT / link).exists()]
    assert not missing
    targets = set(re.findall(r"`make (\w+)`", text))
    assert targets >= {"demo", "test", "install"}
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
