"""Runs a graph of models with SQLMesh and DuckDB: `sqlmesh_process.py FOLDER ROWS ROUNDS` prints each round's time."""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    import duckdb
    from sqlmesh import Context
    from sqlmesh.core.console import NoopConsole, set_console

    set_console(NoopConsole())
    folder, rows, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    taken = []
    for number in range(rounds):  # a fresh project each: SQLMesh makes nothing twice
        project = folder / f"round{number}"
        database = project / "bench.duckdb"
        (project / "models").mkdir(parents=True)
        with duckdb.connect(str(database)) as connection:
            connection.execute(f"CREATE TABLE base AS SELECT * FROM '{rows}'")
        _write(project, database, json.loads((folder / "models.json").read_text()))
        context = Context(paths=[str(project)])
        began = time.perf_counter()
        context.plan(auto_apply=True, no_prompts=True)
        taken.append(time.perf_counter() - began)
        context.close()
        _require_all(database, len(context.models))
    print(json.dumps(taken))


def _write(project: Path, database: Path, models: dict[str, list[str]]) -> None:
    for name, (text, parent) in models.items():
        read = "main.base" if parent == "base" else f"bench.{parent}"
        head = f"MODEL (name bench.{name}, kind FULL);\n"
        (project / "models" / f"{name}.sql").write_text(head + text.format(parent=read))
    connection = f"{{type: duckdb, database: '{database}'}}"
    (project / "config.yaml").write_text(
        f"gateways:\n  here:\n    connection: {connection}\ndefault_gateway: here\n"
        "model_defaults:\n  dialect: duckdb\n  start: 2026-01-01\n"
    )


def _require_all(database: Path, count: int) -> None:
    import duckdb

    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'bench'").fetchone()
    if not found or found[0] < count:
        sys.exit(f"SQLMesh made {found} of {count} models")


if __name__ == "__main__":
    main()
