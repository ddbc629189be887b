"""APIs of vendors: one file each, which declares its fields and its tables."""

from hedgerow.connectors.apis import github, hubspot, stripe, zendesk
from hedgerow.connectors.base import Declaration
from hedgerow.connectors.rest import MakeApi, Patience, RestConnector
from hedgerow.kit.outgoing import OutgoingGuard

APIS: tuple[tuple[Declaration, MakeApi], ...] = (
    (github.DECLARATION, github.api_of),
    (hubspot.DECLARATION, hubspot.api_of),
    (stripe.DECLARATION, stripe.api_of),
    (zendesk.DECLARATION, zendesk.api_of),
)


def api_connectors(guard: OutgoingGuard, patience: Patience | None = None) -> tuple[RestConnector, ...]:
    """A connector for each."""
    return tuple(RestConnector(declaration, make, guard, patience) for declaration, make in APIS)


__all__ = ["APIS", "api_connectors"]
