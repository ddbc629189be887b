"""The command line, as a person and as automation use it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from hedgerow import __version__
from tests.support.processes import free_port, start_server

pytestmark = pytest.mark.acceptance
KEY = "phx_0123456789abcdef0123456789abcdef"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("key", "list", PORT="…")` runs `hedgerow` on a home of its own."""

    def command(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEDGEROW_")}
        environment = {"HEDGEROW_HOME": str(tmp_path / "home")} | {f"HEDGEROW_{n}": v for n, v in settings.items()}
        return subprocess.run(
            [Path(sys.executable).parent / "hedgerow", *arguments],
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return command


def test_the_version(run: Run) -> None:
    assert run("--version").stdout == f"{__version__}\n"


def test_a_key_is_printed_alone_on_the_last_line(run: Run) -> None:
    done = run("key", "create", "--scopes", "endpoint:read,query:read", "--label", "x")
    assert done.returncode == 0, done.stderr
    value = done.stdout.splitlines()[-1]
    assert value.startswith("phx_")
    assert value.isascii()
    assert " " not in value
    listed = run("key", "list").stdout
    assert "endpoint:read, query:read" in listed
    assert value not in listed


def test_keys_are_revoked_by_label_or_id(run: Run) -> None:
    for label in ("one", "two", "two"):
        run("key", "create", "--scopes", "*", "--label", label)
    assert run("key", "revoke", "one").stdout == "revoked one\n"
    ambiguous = run("key", "revoke", "two")
    assert (ambiguous.returncode, ambiguous.stderr) == (1, "hedgerow: 2 keys are named two: name one by its id.\n")
    assert run("key", "revoke", "one").stderr == "hedgerow: No such key.\n"


def test_secret_keys_are_made_listed_and_revoked(run: Run) -> None:
    done = run("key", "create", "--secret", "--scopes", "endpoint:read", "--label", "backend")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("phs_")
    assert "backend" in run("key", "list").stdout
    two = run("key", "create", "--secret", "--scopes", "*", "--label", "x", "--project", "1", "--project", "2")
    assert (two.returncode, two.stderr) == (1, "hedgerow: --secret: a secret key is of one project\n")
    assert run("key", "revoke", "backend").stdout == "revoked backend\n"
    assert "backend" not in run("key", "list").stdout


def test_a_token_is_made_on_the_command_line(run: Run, tmp_path: Path) -> None:
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server, server.client(KEY) as client:
        for name, kind in (("tenant", "String"), ("n", "Number")):
            client.post("/api/projects/1/insight_variables/", json={"name": name, "type": kind}).raise_for_status()
        query = {"kind": "HogQLQuery", "query": "select {variables.tenant}, {variables.n}"}
        client.post("/api/projects/1/endpoints/", json={"name": "sales", "query": query}).raise_for_status()
    done = run("token", "create", "sales", "--var", "tenant=acme", "--var", "n=7", "--version", "1", "--seconds", "60")
    assert done.returncode == 0, done.stderr
    claims = jwt.decode(done.stdout.splitlines()[-1], options={"verify_signature": False})
    assert claims["endpoints"] == {"sales": {"variables": {"tenant": "acme", "n": 7}, "versions": [1]}}
    assert claims["exp"] - claims["iat"] == 60
    for arguments, words in (
        (["sales", "--seconds", "99999999"], "A token lives for 1 to"),
        (["sales", "--project", "9"], "Project 9 does not exist."),
        (["seles"], "Endpoint 'seles' not found."),
        (["sales", "--version", "2"], "Version 2 of sales not found."),
        (["sales", "--var", "tennant=acme"], "Unknown variable(s): tennant."),
        (["sales", "--var", "n=many"], "Variable n must be a Number"),
    ):
        refused = run("token", "create", *arguments)
        assert (refused.returncode, refused.stdout) == (1, ""), arguments
        assert refused.stderr.startswith(f"hedgerow: {words}"), refused.stderr


def test_a_key_is_limited_to_projects(run: Run) -> None:
    project = run("project", "create", "Second").stdout.strip()
    assert project == "2"
    assert run("key", "create", "--scopes", "*", "--label", "x", "--project", project).returncode == 0
    assert "Second" in run("project", "list").stdout
    missing = run("key", "create", "--scopes", "*", "--label", "x", "--project", "77")
    assert (missing.returncode, missing.stderr) == (1, "hedgerow: Project 77 does not exist.\n")


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (("key", "create", "--scopes", "nothing", "--label", "x"), {}, "Invalid scope: nothing"),
        (("key", "create", "--scopes", "*", "--label", "x" * 41), {}, "no more than 40 characters"),
        (("project", "create", "x", "--timezone", "Mars"), {}, "not a valid choice"),
        (("config",), {"PORT": "many"}, "HEDGEROW_PORT"),
        (("config",), {"THROTTLE_BURST": "often"}, "HEDGEROW_THROTTLE_BURST"),
        (("key", "list"), {"DATABASE_URL": "mysql://x/y"}, "HEDGEROW_DATABASE_URL"),
        (("query", "select 1"), {}, "no key"),
        (("serve",), {"BOOTSTRAP_KEY": "short", "PORT": "0"}, "phx_"),
        (("serve",), {"ENGINE_URL": "duckdb:", "PORT": "0"}, "HEDGEROW_ENGINE_URL"),
    ],
)
def test_mistakes_are_one_clear_line(
    run: Run, arguments: tuple[str, ...], settings: dict[str, str], words: str
) -> None:
    done = run(*arguments, **settings)
    assert done.returncode == 1, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_config_says_where_a_value_comes_from_and_masks_secrets(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "hedgerow.toml").write_text('port = 9000\nsecret_key = "hush"\n')
    shown = run("config", HOST="0.0.0.0", DATABASE_URL="postgresql://u:hidden@db/x").stdout
    lines = {line.split()[0]: line for line in shown.splitlines() if line.strip()}
    assert lines["HEDGEROW_HOST"].split()[1:] == ["0.0.0.0", "env"]
    assert lines["HEDGEROW_PORT"].split()[1:] == ["9000", "toml"]
    assert lines["HEDGEROW_LOG_LEVEL"].split()[1:] == ["info", "default"]
    assert lines["HEDGEROW_DATABASE_URL"].split()[1] == "postgresql://***@db/x"
    assert "hush" not in shown
    assert "hidden" not in shown


def test_unknown_variables_are_named_at_start(run: Run) -> None:
    done = run("serve", PROT="1", ENGINE_URL="duckdb:")
    assert "HEDGEROW_PROT" in done.stderr


def test_a_server_is_asked(run: Run, tmp_path: Path) -> None:
    with start_server(tmp_path / "server", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server:
        here = {"URL": server.url, "KEY": KEY}
        table = run("query", "select 1 as one, 'a' as two", **here)
        assert table.stdout.split() == ["one", "two", "1", "a"]
        assert json.loads(run("query", "select 1, null", "--format", "json", **here).stdout) == [[1, None]]
        assert run("query", "select 1 as a, 'x,y' as b", "--format", "csv", **here).stdout == 'a,b\n1,"x,y"\n'
        wrong = run("query", "select nope", **here)
        assert (wrong.returncode, wrong.stderr) == (1, "hedgerow: Unable to resolve field: nope\n")
        made = run("key", "create", "--scopes", "query:read", "--label", "x", HOME=str(tmp_path / "server"))
        key = made.stdout.splitlines()[-1]
        assert run("query", "select 2", "--format", "json", URL=server.url, KEY=key).stdout == "[[2]]\n"
    gone = run("query", "select 1", URL=f"http://127.0.0.1:{free_port()}", KEY=KEY)
    assert gone.returncode == 1
    assert gone.stderr.startswith("hedgerow: no answer from http://127.0.0.1:")
