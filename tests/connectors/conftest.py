"""A PostgreSQL connector, and a database of the test's own."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from hedgerow.connectors.postgres import PostgresConnector
from hedgerow.kit.outgoing import OutgoingGuard


@pytest.fixture
def connector() -> PostgresConnector:
    return PostgresConnector(OutgoingGuard(allow_private=True))


@pytest.fixture
def database(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection
