"""What a PostgreSQL source asks for."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from hedgerow.connectors.base import Declaration, Field, Option
from hedgerow.connectors.tunnel import SSH_TUNNEL, normalised_tunnel

_FROM_STRING = {"host": "host", "port": "port", "dbname": "database", "user": "user", "password": "password"}


def normalised(given: Mapping[str, Any]) -> dict[str, Any]:
    """`dbname` is `database`; a connection string says what is not said beside it."""
    values = normalised_tunnel(given)
    if "dbname" in values:
        alias = values.pop("dbname")
        values.setdefault("database", alias)
    text = values.pop("connection_string", None)
    if isinstance(text, str) and text.strip():
        try:
            said = conninfo_to_dict(text.strip())
        except psycopg.ProgrammingError:
            return {**values, "connection_string": "unreadable"}
        for name, field in _FROM_STRING.items():
            if said.get(name) and values.get(field) in (None, ""):
                values[field] = said[name]
        if said.get("sslmode") and not values.get("sslmode"):
            values["sslmode"] = said["sslmode"]
    return values


DECLARATION = Declaration(
    source_type="Postgres",
    label="PostgreSQL",
    caption="Tables and views of a PostgreSQL database. A user that may only read is enough.",
    docs_url="docs/sources/postgres.md",
    fields=(
        Field("host", "Host", placeholder="db.example.com"),
        Field("port", "Port", kind="number", default=5432, placeholder="5432"),
        Field("database", "Database", placeholder="shop"),
        Field("user", "User", placeholder="reader"),
        Field("password", "Password", kind="password"),
        Field(
            "schema",
            "Schema",
            required=False,
            placeholder="public",
            caption="Empty: every schema; tables are then called schema.table.",
        ),
        Field(
            "sslmode",
            "TLS",
            kind="select",
            required=False,
            default="prefer",
            options=(
                Option("prefer", "Where the server offers it"),
                Option("require", "Always"),
                Option("verify-full", "Always, with a certificate of a public authority for the host"),
                Option("disable", "Never"),
            ),
        ),
        Field(
            "connection_string",
            "Connection string",
            kind="password",
            required=False,
            placeholder="postgresql://reader:password@db.example.com:5432/shop",
            caption="Instead of the fields above.",
        ),
        SSH_TUNNEL,
    ),
    normalise=normalised,
    release="ga",
    snapshot=True,
    live=True,
    keywords=("sql", "database", "postgresql"),
)
