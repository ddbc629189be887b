"""Addresses to connect to, for as long as they are needed: the host's own, or those of a tunnel to it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anyio.from_thread import start_blocking_portal

from hedgerow.connectors.base import Config, Refused, SourceError
from hedgerow.connectors.reaching import addresses
from hedgerow.connectors.tunnel.bastion import FIELD, bastion_of
from hedgerow.connectors.tunnel.declaration import tunnelled
from hedgerow.connectors.tunnel.forwarding import tunnel
from hedgerow.kit.outgoing import OutgoingGuard

_HOST = re.compile(r"[A-Za-z0-9_:]([A-Za-z0-9_.:-]{0,252}[A-Za-z0-9_.:])?")


@dataclass(frozen=True, slots=True)
class Way:
    """Where a driver connects to."""

    addresses: tuple[str, ...]
    port: int


@contextmanager
def way(guard: OutgoingGuard, config: Config) -> Iterator[Way]:
    """The way to the `host` and `port` of a form.

    The guard looks at what this machine connects to: the host, or the SSH server, from which the host may be anything.
    What a driver says of a tunnel that failed is replaced by what failed.
    """
    host, port = str(config["host"]), int(config["port"])
    if not 0 < port < 1 << 16:
        raise Refused(f"There is no port {port}: ports are 1 to 65535.", field="port")
    if not tunnelled(config):
        yield Way(addresses(guard, host, port), port)
        return
    if not _HOST.fullmatch(host):
        raise Refused("Host is not a host name or an IP address", field="host")
    bastion = bastion_of(config["ssh_tunnel"])
    found = addresses(guard, bastion.host, bastion.port, FIELD)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(tunnel(bastion, found, host, port)) as made,
    ):
        try:
            yield Way(("127.0.0.1",), made.port)
        except SourceError as error:
            if made.fault is not None:
                raise made.fault from error
            raise
