"""What a source asks for an SSH tunnel, and the older shapes of it."""

from collections.abc import Mapping
from typing import Any

from hedgerow.connectors.base import Config, Field, Option

_USERNAME = Field("username", "User", required=False)

SSH_TUNNEL = Field(
    "ssh_tunnel",
    "SSH tunnel",
    kind="ssh-tunnel",
    required=False,
    caption="Reach the database through an SSH server; host and port are then as that server sees them.",
    fields=(
        Field("host", "Host of the SSH server", placeholder="bastion.example.com"),
        Field("port", "Port of the SSH server", kind="number", default=22, placeholder="22"),
        Field(
            "auth",
            "Proof",
            kind="select",
            default="password",
            options=(
                Option(
                    "password",
                    "Password",
                    (_USERNAME, Field("password", "Password", kind="password", required=False)),
                ),
                Option(
                    "keypair",
                    "Private key",
                    (
                        _USERNAME,
                        Field("private_key", "Private key", kind="textarea", required=False, secret=True),
                        Field("passphrase", "Its passphrase", kind="password", required=False),
                    ),
                ),
            ),
        ),
        Field(
            "host_key",
            "The server's public host key",
            kind="textarea",
            required=False,
            placeholder="ssh-ed25519 AAAA…",
            caption="As ssh-keyscan prints it. Empty: any.",
        ),
        Field(
            "require_tls",
            "TLS inside the tunnel",
            kind="switch-group",
            required=False,
        ),
    ),
)


def normalised_tunnel(values: Mapping[str, Any]) -> dict[str, Any]:
    """`auth_type` is `auth`, and `type` in it is `selection`: so older clients say it."""
    said = dict(values)
    tunnel = said.get("ssh_tunnel")
    if not isinstance(tunnel, Mapping):
        return said
    tunnel = dict(tunnel)
    if "auth_type" in tunnel:
        older = tunnel.pop("auth_type")
        tunnel.setdefault("auth", older)
    auth = tunnel.get("auth")
    if isinstance(auth, Mapping) and "type" in auth:
        tunnel["auth"] = {"selection": auth["type"], **{name: value for name, value in auth.items() if name != "type"}}
    return {**said, "ssh_tunnel": tunnel}


def tunnelled(config: Config) -> bool:
    """Whether an SSH server stands between."""
    return bool((config.get("ssh_tunnel") or {}).get("enabled"))


def tls_demanded(config: Config, unsaid: bool) -> bool:
    """Whether the tunnel's own switch demands TLS of the database behind it; `unsaid` where it was left out."""
    if not tunnelled(config):
        return False
    return bool((config["ssh_tunnel"].get("require_tls") or {}).get("enabled", unsaid))
