"""Apache Superset on the same rows in SQLite, asked through its chart API with its cache passed over."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.load import post
from bench.peers.servers import Asked, as_sqlite, program_of
from bench.processes import running
from tests.support.processes import free_port

_PACKAGES = ("apache-superset==4.1.4", "marshmallow<4", "gunicorn")
_ADMIN = {"username": "admin", "password": "admin", "provider": "db", "refresh": True}
_CONFIG = """
SECRET_KEY = {secret!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///{home}/superset.db"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
PREVENT_UNSAFE_DB_CONNECTIONS = False
RATELIMIT_ENABLED = False
"""


@contextmanager
def serve(folder: Path) -> Iterator[Asked]:
    """Raises `Missing`."""
    program, port, home = program_of("superset", *_PACKAGES), free_port(), folder / "superset"
    home.mkdir()
    as_sqlite(folder / "payments.parquet", home / "payments.db", index=False)
    (home / "superset_config.py").write_text(_CONFIG.format(secret=secrets.token_hex(32), home=home))
    variables = {"SUPERSET_CONFIG_PATH": str(home / "superset_config.py"), "FLASK_APP": "superset.app:create_app()"}
    name = ["--firstname", "a", "--lastname", "b", "--email", "a@example.com"]
    for step in (
        ["db", "upgrade"],
        ["fab", "create-admin", "--username", "admin", "--password", "admin", *name],
        ["init"],
    ):
        subprocess.run([program, *step], env=os.environ | variables, check=True, capture_output=True)
    command = [program.parent / "gunicorn", "-w", "2", "-k", "gthread", "--threads", "8", "-b", f"127.0.0.1:{port}"]
    with running([*command, "superset.app:create_app()"], f"http://127.0.0.1:{port}/health", variables, quiet=True):
        token, dataset = _prepared(f"http://127.0.0.1:{port}/api/v1", home / "payments.db")
        yield Asked(port, lambda n: post("/api/v1/chart/data", _question(dataset, n), token))


def _prepared(api: str, file: Path) -> tuple[str, int]:
    """A token, and the number of the table as a dataset."""
    token = _made(httpx.post(f"{api}/security/login", json=_ADMIN))["access_token"]
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        place = {"database_name": "payments", "sqlalchemy_uri": f"sqlite:///{file}"}
        database = _made(client.post(f"{api}/database/", json=place))["id"]
        table = {"database": database, "table_name": "payments", "schema": None}
        return token, _made(client.post(f"{api}/dataset/", json=table))["id"]


def _made(answer: httpx.Response) -> Mapping[str, object] | dict[str, object]:
    assert answer.is_success, answer.text
    found: dict[str, object] = answer.json()
    return found


def _question(dataset: int, customer: int) -> bytes:
    def sql(text: str, label: str) -> dict[str, str]:
        return {"expressionType": "SQL", "sqlExpression": text, "label": label}

    metrics = [sql("count(*)", "n"), sql("sum(amount)", "total"), sql("max(ts)", "last_ts")]
    filters = [{"col": "customer_id", "op": "==", "val": customer}]
    query = {"columns": ["country"], "metrics": metrics, "filters": filters, "orderby": [["country", True]]}
    asked = {"datasource": {"id": dataset, "type": "table"}, "force": True, "queries": [query]}
    return json.dumps(asked | {"result_format": "json", "result_type": "full"}).encode()
