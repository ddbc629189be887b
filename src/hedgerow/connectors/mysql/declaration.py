"""What a MySQL source asks for."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from hedgerow.connectors.base import Declaration, Field
from hedgerow.connectors.tunnel import SSH_TUNNEL, normalised_tunnel


def normalised(given: Mapping[str, Any]) -> dict[str, Any]:
    """A connection string says what is not said beside it."""
    values = normalised_tunnel(given)
    text = values.pop("connection_string", None)
    if not isinstance(text, str) or not text.strip():
        return values
    try:
        parts = urlsplit(text.strip())
        said: dict[str, Any] = {"host": parts.hostname, "port": parts.port}
    except ValueError:
        parts, said = urlsplit(""), {}
    if not parts.scheme.startswith(("mysql", "mariadb")) or not parts.hostname:
        return {**values, "connection_string": "unreadable"}
    said |= {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")),
    }
    return {**values, **{name: value for name, value in said.items() if value and values.get(name) in (None, "")}}


DECLARATION = Declaration(
    source_type="MySQL",
    label="MySQL",
    caption="Tables and views of a MySQL or MariaDB database. A user that may only read is enough.",
    docs_url="docs/sources/mysql.md",
    fields=(
        Field("host", "Host", placeholder="db.example.com"),
        Field("port", "Port", kind="number", default=3306, placeholder="3306"),
        Field("database", "Database", placeholder="shop"),
        Field("user", "User", placeholder="reader"),
        Field("password", "Password", kind="password"),
        Field("schema", "Schema", required=False, caption="Another database of the server, to be read in its place."),
        Field("using_ssl", "TLS", kind="switch", required=False, default=True, caption="Off: never."),
        Field(
            "verify_certificate",
            "Check the certificate",
            kind="switch",
            required=False,
            default=False,
            caption="It must be a public authority's, for the host.",
        ),
        Field(
            "connection_string",
            "Connection string",
            kind="password",
            required=False,
            placeholder="mysql://reader:password@db.example.com:3306/shop",
            caption="Instead of the fields above.",
        ),
        SSH_TUNNEL,
    ),
    normalise=normalised,
    live=True,
    snapshot=True,
    keywords=("sql", "database", "mariadb"),
)
