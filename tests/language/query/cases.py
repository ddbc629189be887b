"""Reads the fixtures of queries: one case a line, `query ;; what is expected of it`."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "fixtures" / "query"


def cases(name: str) -> list[tuple[str, str]]:
    """The cases of a fixture; lines that begin with `--` are remarks."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line and not line.startswith("--"):
            query, _, expected = line.partition(" ;; ")
            found.append((query, expected))
    return found
