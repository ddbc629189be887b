"""A shop's API that runs."""

from collections.abc import Iterator

import pytest

from tests.connectors.rest.shop import newest_first
from tests.support.api_server import ApiServer


@pytest.fixture
def server() -> Iterator[ApiServer]:
    api = ApiServer()
    api.route("GET", "/v1/orders", newest_first)
    with api.running():
        yield api
