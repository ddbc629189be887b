"""A PostgreSQL server of the tests' own, in a temporary folder, where its binaries are installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.certificates import make_certificate
from tests.support.processes import free_port

_START_SECONDS = 30.0


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: on the PATH, or where Debian puts them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return debian[-1].parent if debian else None


@contextmanager
def running(folder: Path, password: str | None = None, certificate: bool = False) -> Iterator[str]:
    """Start a server with the binaries in `folder`; its URL. It refuses to run as root: then as another user.

    With a `password` it asks for that; with a `certificate` it offers TLS with one that nobody signed.
    """
    user = _other_user() if os.geteuid() == 0 else None
    as_user = ["runuser", "-u", user.pw_name, "--"] if user else []
    home = Path(tempfile.mkdtemp(prefix="hedgerow-postgres-"))
    if user:
        os.chown(home, user.pw_uid, user.pw_gid)
    data, port = home / "data", free_port()
    (home / "password").write_text(f"{password}\n")
    asking = ["-A", "scram-sha-256", "--pwfile", home / "password"] if password else ["-A", "trust"]
    setup = [*as_user, folder / "initdb", "-D", data, *asking, "-U", "postgres", "-N"]
    subprocess.run(setup, check=True, capture_output=True, cwd="/")
    options = [
        "-p",
        str(port),
        "-k",
        str(home),
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "fsync=off",
        "-c",
        "wal_level=logical",
    ]
    if certificate:
        make_certificate(data / "server.crt", data / "server.key")
        for path in (data / "server.crt", data / "server.key"):
            path.chmod(0o600)
            os.chown(path, data.stat().st_uid, data.stat().st_gid)
        options += ["-c", "ssl=on"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_user, folder / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd="/"
        )
    try:
        url = f"postgresql://postgres{f':{password}' if password else ''}@127.0.0.1:{port}/postgres"
        _await(url, server, home / "log")
        yield url
    finally:
        stop = [*as_user, folder / "pg_ctl", "stop", "-m", "fast", "-D", data]
        subprocess.run(stop, check=False, capture_output=True, cwd="/")
        server.kill()
        server.wait()
        shutil.rmtree(home, ignore_errors=True)


def restart(folder: Path, data: Path, mode: str = "immediate") -> None:
    """Stop the server with that data, as a crash would or (`fast`) in order, and start it again as it was."""
    user = _other_user() if os.geteuid() == 0 else None
    as_user = ["runuser", "-u", user.pw_name, "--"] if user else []
    command = [*as_user, folder / "pg_ctl", "restart", "-w", "-m", mode, "-D", data, "-l", data / "again.log"]
    subprocess.run(command, check=True, capture_output=True, cwd="/")


def _other_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("there is no user to run PostgreSQL as")


def _await(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text(errors="replace")
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(errors="replace"))
