"""REST APIs as sources: a declaration says what an API is like, and the rest is here."""

from hedgerow.connectors.rest.api import Api, Columns, GetDocument, Increment, Parent, Resource, columns
from hedgerow.connectors.rest.auth import ApiKey, Auth, Basic, Bearer, ClientCredentials, Nobody
from hedgerow.connectors.rest.connector import MakeApi, RestConnector
from hedgerow.connectors.rest.kinds import Kind
from hedgerow.connectors.rest.pages import (
    Cursor,
    HeaderCursor,
    LastRow,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
    Paging,
    Request,
    Single,
)
from hedgerow.connectors.rest.patience import Patience
from hedgerow.connectors.rest.webhooks import Send, Webhooks

__all__ = [
    "Api",
    "ApiKey",
    "Auth",
    "Basic",
    "Bearer",
    "ClientCredentials",
    "Columns",
    "Cursor",
    "GetDocument",
    "HeaderCursor",
    "Increment",
    "Kind",
    "LastRow",
    "LinkHeader",
    "MakeApi",
    "NextUrl",
    "Nobody",
    "Offset",
    "PageNumber",
    "Paging",
    "Parent",
    "Patience",
    "Request",
    "Resource",
    "RestConnector",
    "Send",
    "Single",
    "Webhooks",
    "columns",
]
