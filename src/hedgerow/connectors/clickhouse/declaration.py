"""What a ClickHouse source asks for."""

from hedgerow.connectors.base import Declaration, Field
from hedgerow.connectors.tunnel import SSH_TUNNEL, normalised_tunnel

DECLARATION = Declaration(
    source_type="ClickHouse",
    label="ClickHouse",
    caption="Tables and views of a ClickHouse database. A user that may only read is enough.",
    docs_url="docs/sources/clickhouse.md",
    fields=(
        Field("host", "Host", placeholder="ch.example.com"),
        Field("port", "Port", kind="number", default=8443, placeholder="8443", caption="Of the HTTP interface."),
        Field("database", "Database", default="default", placeholder="default"),
        Field("user", "User", default="default", placeholder="reader"),
        Field("password", "Password", kind="password", required=False),
        Field("secure", "TLS", kind="switch", required=False, default=True),
        Field(
            "verify",
            "Check the certificate",
            kind="switch",
            required=False,
            default=True,
            caption="It must be a public authority's, for the host.",
        ),
        SSH_TUNNEL,
    ),
    normalise=normalised_tunnel,
    snapshot=True,
    keywords=("sql", "database", "olap"),
)
