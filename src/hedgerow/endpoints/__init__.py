"""Endpoints: queries published under a name, versioned, with variables, answered over HTTP."""

from hedgerow.endpoints.opening import Backends, Endpoints, open_endpoints
from hedgerow.endpoints.versions.readers import EndpointReaders

__all__ = ["Backends", "EndpointReaders", "Endpoints", "open_endpoints"]
