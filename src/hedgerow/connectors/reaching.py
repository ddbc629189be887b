"""Where connectors may connect to: every host goes through the guard, and only the addresses it saw are used."""

import os
import socket
import struct
from contextlib import suppress

from hedgerow.connectors.base import Refused
from hedgerow.kit import outgoing
from hedgerow.kit.outgoing import OutgoingGuard, Refusal

_TEXTS = {
    Refusal.INTERNAL: "Hosts with internal IP addresses are not allowed",
    Refusal.LOCAL_NAME: "Hosts with internal IP addresses are not allowed",
    Refusal.UNRESOLVABLE: "Host could not be resolved",
    Refusal.MALFORMED: "Host is not a host name or an IP address",
}


def addresses(guard: OutgoingGuard, host: str, port: int, field: str | None = "host") -> tuple[str, ...]:
    """The addresses to connect to; raises `Refused`, for the form's field where one names the host."""
    try:
        return guard.addresses(host, port)
    except outgoing.Refused as refused:
        raise Refused(_TEXTS.get(refused.refusal, f"Host {refused.refusal.value}"), field=field) from None


def hang_up(descriptor: int) -> None:
    """Break a connection off, from whichever thread: who waits for its answer is told that it has ended."""
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as twin:
        # Closed without a word of farewell: a server that is in the middle of sending would wait for minutes.
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        twin.shutdown(socket.SHUT_RDWR)
