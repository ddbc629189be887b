"""Endpoints: queries published under a name, versioned, with variables, answered over HTTP."""

from hedgerow.endpoints.opening import Backends, Endpoints, open_endpoints

__all__ = ["Backends", "Endpoints", "open_endpoints"]
