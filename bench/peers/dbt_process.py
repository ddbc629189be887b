"""Runs a graph of models with dbt and DuckDB: `dbt_process.py FOLDER ROWS ROUNDS` prints the seconds of each round."""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    import duckdb
    from dbt.cli.main import dbtRunner

    folder, rows, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    database = folder / "bench.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"CREATE TABLE base AS SELECT * FROM '{rows}'")
    _write(folder, database)
    options = ["--project-dir", str(folder), "--profiles-dir", str(folder), "--quiet"]
    manifest = dbtRunner().invoke(["parse", *options]).result
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = dbtRunner(manifest=manifest).invoke(["run", "--threads", "2", *options])
        taken.append(time.perf_counter() - began)
        if not done.success or len(done.result.results) != len(json.loads((folder / "models.json").read_text())):
            sys.exit(f"dbt failed: {done.exception}")
    print(json.dumps(taken))


def _write(folder: Path, database: Path) -> None:
    models = json.loads((folder / "models.json").read_text())
    (folder / "models").mkdir()
    for name, (text, parent) in models.items():
        read = "base" if parent == "base" else f"{{{{ ref('{parent}') }}}}"
        (folder / "models" / f"{name}.sql").write_text(text.format(parent=read))
    project = "name: bench\nversion: '1.0.0'\nprofile: bench\nmodels:\n  bench:\n    +materialized: table\n"
    (folder / "dbt_project.yml").write_text(project)
    output = f"{{type: duckdb, path: '{database}', threads: 2}}"
    (folder / "profiles.yml").write_text(f"bench:\n  target: here\n  outputs:\n    here: {output}\n")


if __name__ == "__main__":
    main()
