"""The published HogQL parser as an oracle for trees: `Oracle().tree("select", "SELECT 1")`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


class Oracle:
    """One process that answers until it is closed."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("hogql_process.py")
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tree(self, kind: str, text: str) -> Any:
        """Its JSON tree; `None` where it refuses the text."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"kind": kind, "text": text}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return None if isinstance(answer, dict) and answer.get("error") else answer

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)
