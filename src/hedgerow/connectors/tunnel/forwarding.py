"""A port of this machine whose connections lead through an SSH server to another host."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncssh

from hedgerow.connectors.base import Refused, SourceError, Unreachable
from hedgerow.connectors.tunnel.bastion import FIELD, Bastion

_CONNECT_SECONDS = 10
_LOGIN_SECONDS = 20
_CLOSE_SECONDS = 5
_PIECE = 1 << 18
_NO_SERVER = "There is no SSH server on the tunnel's host and port."
_PROHIBITED = asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
# Nothing of the server's own account takes part: no configuration, no agent, no keys of its home folder.
_ALONE: dict[str, Any] = {
    "config": None,
    "agent_path": None,
    "agent_forwarding": False,
    "gss_host": None,
    "client_host_keysign": False,
    "x509_trusted_certs": None,
    "compression_algs": ["none"],
}
_STEADY: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "login_timeout": _LOGIN_SECONDS,
    "keepalive_interval": 30,
    "keepalive_count_max": 3,
}


class Tunnel:
    """Takes connections on `port` of 127.0.0.1. `fault` tells what went wrong last, if anything did."""

    def __init__(self, connection: asyncssh.SSHClientConnection, host: str, port: int) -> None:
        self._connection, self._target = connection, (host, port)
        self._open: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self.port = 0
        self.fault: SourceError | None = None

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Lead one connection through."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._lead(reader, writer)
        except (OSError, asyncssh.Error) as error:
            self.fault = Unreachable("The SSH tunnel broke off.", field=FIELD)
            self.fault.__cause__ = error
        finally:
            self._open.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connection.open_connection(*self._target, encoding=None)
        except asyncssh.ChannelOpenError as error:
            self.fault = _unopened(error, *self._target)
            return
        self.fault = None
        led = (_pump(reader, far_writer), _pump(far_reader, writer), self._ending.wait())
        ways = {asyncio.ensure_future(each) for each in led}
        try:
            # Neither databases nor their drivers close one way only: the first end is the end.
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            far_writer.close()

    async def close(self) -> None:
        """Let every connection go, the SSH server's too."""
        self._ending.set()
        self._connection.close()
        with suppress(TimeoutError, OSError, asyncssh.Error):
            await asyncio.wait_for(self._connection.wait_closed(), _CLOSE_SECONDS)
        await asyncio.gather(*self._open, return_exceptions=True)


async def _pump(reader: Any, writer: Any) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()


@asynccontextmanager
async def tunnel(bastion: Bastion, addresses: Sequence[str], host: str, port: int) -> AsyncIterator[Tunnel]:
    """A way to the host and port, as the SSH server sees them; raises `SourceError`."""
    made = Tunnel(await _connected(bastion, addresses), host, port)
    async with AsyncExitStack() as ending:
        ending.push_async_callback(made.close)
        listening = await asyncio.start_server(made.take, "127.0.0.1", 0, limit=_PIECE)
        ending.callback(listening.close)
        made.port = listening.sockets[0].getsockname()[1]
        yield made


async def _connected(bastion: Bastion, addresses: Sequence[str]) -> asyncssh.SSHClientConnection:
    fault: SourceError | None = None
    for address in addresses:
        try:
            return await asyncssh.connect(
                address,
                bastion.port,
                username=bastion.username,
                password=bastion.password,
                client_keys=[bastion.key] if bastion.key else None,
                preferred_auth="publickey" if bastion.key else "password,keyboard-interactive",
                known_hosts=(list(bastion.host_keys), [], []) if bastion.host_keys else None,
                **_ALONE,
                **_STEADY,
            )
        except (OSError, asyncssh.Error, TimeoutError) as error:
            fault = _unconnected(error)
            if not fault.retryable:
                raise fault from error
    raise fault or Unreachable("The SSH server could not be reached.", field=FIELD)


def _unconnected(error: Exception) -> SourceError:
    if isinstance(error, asyncssh.PermissionDenied):
        return Refused("The SSH server refused the user, or the password or key.", field=FIELD)
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return Refused("The SSH server shows another host key than the one that was given.", field=FIELD)
    if isinstance(error, asyncssh.KeyExchangeFailed):
        return Refused("The SSH server and this one have no way of encryption in common.", field=FIELD)
    if isinstance(error, asyncssh.ProtocolError):
        return Refused(_NO_SERVER, field=FIELD)
    if isinstance(error, TimeoutError):
        return Unreachable("The SSH server could not be reached in time.", field=FIELD)
    if isinstance(error, ConnectionRefusedError):
        text = "The SSH server could not be reached: nothing listens on this host and port."
        return Unreachable(text, field=FIELD)
    if isinstance(error, asyncssh.Error):
        return Unreachable(f"{_NO_SERVER[:-1]}, or it broke off the connection.", field=FIELD)
    return Unreachable("The SSH server could not be reached: there is no way to this host.", field=FIELD)


def _unopened(error: asyncssh.ChannelOpenError, host: str, port: int) -> SourceError:
    if error.code == _PROHIBITED:
        return Refused(f"The SSH server does not allow a tunnel to {host}:{port}.", field=FIELD)
    text = f"The SSH server could not reach {host}:{port}: nothing listens there, or there is no such host."
    return Unreachable(text, field="host")
