"""`ssh_server`: a real SSH server in this process, which leads connections on to where clients ask it to.

def test_it(ssh_server: SshServer) -> None:
    config = {**config, "ssh_tunnel": ssh_server.by_password()}
"""

import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncssh
import pytest
from anyio.from_thread import start_blocking_portal

USER, PASSWORD, PASSPHRASE = "traveller", "let me through", "words of a key"
_WAIT = 10.0


class SshServer:
    """`open` counts connections. `leads` says to where it leads."""

    def __init__(self) -> None:
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.port = 0
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.led: list[tuple[str, int]] = []
        self.leads: Callable[[str, int], bool] = lambda _host, _port: True
        self.cut: Callable[[], None] = lambda: None

    def tunnel(self, auth: dict[str, Any], **more: Any) -> dict[str, Any]:
        """`ssh_tunnel` of a form, as it is kept."""
        whole = {"enabled": True, "host": "127.0.0.1", "port": self.port, "auth": auth}
        return {**whole, "require_tls": {"enabled": False}, **more}

    def by_password(self, password: str = PASSWORD, user: str = USER, **more: Any) -> dict[str, Any]:
        """With proof by password."""
        return self.tunnel({"selection": "password", "username": user, "password": password}, **more)

    def by_key(self, key: asyncssh.SSHKey | None = None, locked: bool = False, **more: Any) -> dict[str, Any]:
        """With proof by key, which may be `locked` with a passphrase."""
        words = PASSPHRASE if locked else None
        text = (key or self.key).export_private_key("openssh", words).decode()
        auth = {"selection": "keypair", "username": USER, "private_key": text}
        return self.tunnel({**auth, "passphrase": words} if locked else auth, **more)

    @property
    def public_host_key(self) -> str:
        """As `ssh-keyscan` prints it."""
        return f"127.0.0.1 {self.host_key.export_public_key().decode().strip()}\n"

    def opened(self) -> int:
        """How many connections there are, once those that are ending have ended."""
        end = time.monotonic() + _WAIT
        while self.connections and time.monotonic() < end:
            time.sleep(0.02)
        return len(self.connections)


class _Guest(asyncssh.SSHServer):
    def __init__(self, home: SshServer) -> None:
        self._home = home

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._home.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._home.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key.public_data == self._home.key.public_data

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._home.led.append((dest_host, dest_port))
        if not self._home.leads(dest_host, dest_port):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "forbidden")
        return True


@asynccontextmanager
async def _listening(home: SshServer) -> Any:
    server = await asyncssh.create_server(
        lambda: _Guest(home), "127.0.0.1", 0, server_host_keys=[home.host_key], config=None
    )
    try:
        yield server.get_port()
    finally:
        for connection in list(home.connections):
            connection.abort()
        server.close()
        await server.wait_closed()


@pytest.fixture
def ssh_server() -> Iterator[SshServer]:
    """A server that lets one user in, by password or by key."""
    made = SshServer()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_listening(made)) as port:
        made.port = port
        made.cut = lambda: portal.call(lambda: [each.abort() for each in list(made.connections)])
        yield made
