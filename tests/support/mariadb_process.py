"""A MariaDB server of the tests' own, in a temporary folder, where its binaries are installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql

from tests.support.certificates import make_certificate
from tests.support.processes import free_port

_START_SECONDS = 45.0


def binaries() -> tuple[str, str] | None:
    """`mariadb-install-db` and `mariadbd`."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    install, server = shutil.which("mariadb-install-db", path=path), shutil.which("mariadbd", path=path)
    return (install, server) if install and server else None


@contextmanager
def running(password: str, certificate: bool = True) -> Iterator[str]:
    """Start a server that asks for a password and offers TLS with a certificate that nobody signed; its URL."""
    found = binaries()
    assert found is not None
    install, server = found
    home, port = Path(tempfile.mkdtemp(prefix="hedgerow-mariadb-")), free_port()
    user = _user() if os.geteuid() == 0 else None
    as_user = [f"--user={user.pw_name}"] if user else []
    if user:
        os.chown(home, user.pw_uid, user.pw_gid)
    data = home / "data"
    setup = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", *as_user]
    subprocess.run(setup, check=True, capture_output=True, cwd="/")
    (home / "init.sql").write_text(
        f"CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}';\n"
        "GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    options = ["--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={home / 's'}", *as_user]
    options += ["--bind-address=127.0.0.1", "--skip-name-resolve", f"--init-file={home / 'init.sql'}"]
    options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-log-bin"]
    options += ["--default-time-zone=+05:30"]
    if certificate:
        make_certificate(home / "server.crt", home / "server.key")
        options += [f"--ssl-cert={home / 'server.crt'}", f"--ssl-key={home / 'server.key'}"]
    if user:
        for path in home.iterdir():
            os.chown(path, user.pw_uid, user.pw_gid)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([server, *options], stdout=log, stderr=log, cwd="/")
    try:
        _await(process, port, password, home / "log")
        yield f"mysql://root:{password}@127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _user() -> pwd.struct_passwd:
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("no user to run MariaDB as")


def _await(process: "subprocess.Popen[bytes]", port: int, password: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            pymysql.connect(host="127.0.0.1", port=port, user="root", password=password).close()
        except pymysql.Error:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"MariaDB did not start:\n{log.read_text(errors='replace')}")
