"""APIs of vendors: one file each, which declares its fields and its tables."""

from hedgerow.connectors.apis import github, hubspot, stripe, zendesk
from hedgerow.connectors.base import Declaration
from hedgerow.connectors.rest import MakeApi, Patience, RestConnector
from hedgerow.kit.outgoing import OutgoingGuard

APIS: dict[str, tuple[Declaration, MakeApi]] = {
    "Github": (github.DECLARATION, github.api_of),
    "Hubspot": (hubspot.DECLARATION, hubspot.api_of),
    "Stripe": (stripe.DECLARATION, stripe.api_of),
    "Zendesk": (zendesk.DECLARATION, zendesk.api_of),
}


def api_connector(source_type: str, guard: OutgoingGuard, patience: Patience | None = None) -> RestConnector:
    """The connector of one of `APIS`."""
    declaration, make = APIS[source_type]
    return RestConnector(declaration, make, guard, patience)


__all__ = ["APIS", "api_connector"]
