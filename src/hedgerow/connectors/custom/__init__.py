"""Any REST API, by a manifest in place of code."""

from hedgerow.connectors.custom.compiling import api_of
from hedgerow.connectors.custom.declaration import DECLARATION
from hedgerow.connectors.rest import Patience, RestConnector
from hedgerow.kit.outgoing import OutgoingGuard


def custom_connector(guard: OutgoingGuard, patience: Patience | None = None) -> RestConnector:
    """The connector of type `Custom`."""
    return RestConnector(DECLARATION, api_of, guard, patience)


__all__ = ["custom_connector"]
