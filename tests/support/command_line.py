"""Runs `hedgerow` commands as users do: in a folder of theirs, against a server."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]
"""Takes what is typed after the group; status, output and error output."""


def runner(group: str, folder: Path, **environment: str) -> Run:
    """Runs `hedgerow GROUP …` with these variables, and none of this process's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEDGEROW_", "POSTHOG_"))}

    def run(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [Path(sys.executable).parent / "hedgerow", group, *arguments],
            env=kept | environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    return run
