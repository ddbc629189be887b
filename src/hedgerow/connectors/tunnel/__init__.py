"""The way to a database: straight there, or through an SSH server that stands before it."""

from hedgerow.connectors.tunnel.declaration import SSH_TUNNEL, normalised_tunnel, tls_demanded, tunnelled
from hedgerow.connectors.tunnel.way import Way, way

__all__ = ["SSH_TUNNEL", "Way", "normalised_tunnel", "tls_demanded", "tunnelled", "way"]
