"""The guard against theft: secrets that were given for one host are not sent to another one."""

from collections.abc import Mapping
from typing import Any

from hedgerow.connectors import Declaration
from hedgerow.kit.errors import InvalidInput
from hedgerow.sources.form.configuring import secrets_given, secrets_of

_TUNNEL = "ssh_tunnel."


def check(declaration: Declaration, kept: Mapping[str, Any], given: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` where a new host would get a secret that was not given together with it."""
    missing = secrets_of(declaration, new) - secrets_given(declaration, given, new)
    of_tunnel = {path for path in missing if path.startswith(_TUNNEL)}
    if missing - of_tunnel and not declaration.hosts(new) <= declaration.hosts(kept):
        raise _refused(f"Changing the {declaration.host_label} requires re-entering your credentials.")
    before, after = _tunnel(kept), _tunnel(new)
    if missing - of_tunnel and before != after:
        raise _refused("Changing the SSH tunnel requires re-entering your database credentials.")
    if of_tunnel and before[0] != after[0]:
        raise _refused("Changing the SSH tunnel host requires re-entering your SSH credentials.")


def _tunnel(config: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """Host and port of the SSH server that stands between, if one does."""
    tunnel = config.get("ssh_tunnel")
    if not isinstance(tunnel, Mapping) or not tunnel.get("enabled"):
        return None, None
    return str(tunnel.get("host")).lower(), tunnel.get("port")


def _refused(text: str) -> InvalidInput:
    return InvalidInput(text, attr="job_inputs")
