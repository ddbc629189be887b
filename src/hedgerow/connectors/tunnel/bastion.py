"""An SSH server as a source's form names it: checked before anybody is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh

from hedgerow.connectors.base import Refused

FIELD = "ssh_tunnel"
_WEB_PORTS = frozenset({80, 443})


@dataclass(frozen=True, slots=True)
class Bastion:
    """Where the SSH server is and who we are there. Without `host_keys` its own key may be any."""

    host: str
    port: int
    username: str
    password: str | None = None
    key: asyncssh.SSHKey | None = None
    host_keys: tuple[asyncssh.SSHKey, ...] = ()


def bastion_of(tunnel: Mapping[str, Any]) -> Bastion:
    """What an enabled `ssh_tunnel` says; raises `Refused`."""
    port = int(tunnel["port"])
    if port in _WEB_PORTS:
        raise Refused(f"Port {port} is not allowed", field=FIELD)
    if not 0 < port < 1 << 16:
        raise Refused(f"The SSH tunnel's port {port} is none.", field=FIELD)
    auth = tunnel["auth"]
    username, password = auth.get("username"), auth.get("password")
    host_keys = _host_keys(tunnel.get("host_key") or "")
    if auth["selection"] == "password":
        if not username or not password:
            raise Refused("Username and password required", field=FIELD)
        return Bastion(str(tunnel["host"]), port, username, password, None, host_keys)
    if not auth.get("private_key"):
        raise Refused("Private key is required", field=FIELD)
    if not username:
        raise Refused("The SSH tunnel needs a username.", field=FIELD)
    key = _private_key(auth["private_key"], auth.get("passphrase"))
    return Bastion(str(tunnel["host"]), port, username, None, key, host_keys)


def _private_key(text: str, passphrase: str | None) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text.strip() + "\n", passphrase or None)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        said = str(error)  # the library tells these cases apart by its words alone
        locked = "Passphrase must be" in said or "passphrase" in said or "decrypt" in said
        why = f": its passphrase is {'wrong' if passphrase else 'needed'}" if locked else ""
        raise Refused(f"Private key could not be parsed{why}", field=FIELD) from None


def _host_keys(text: str) -> tuple[asyncssh.SSHKey, ...]:
    """Public keys, one in each line, with or without the host's name before them."""
    keys = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            keys.append(asyncssh.import_public_key(" ".join(words if words[0].count("-") else words[1:])))
        except (asyncssh.KeyImportError, ValueError):
            raise Refused("The host key could not be parsed; ssh-keyscan prints it.", field=FIELD) from None
    return tuple(keys)
