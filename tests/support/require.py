"""How a test that needs a service skips, or fails where skipping is forbidden."""

import os
from typing import NoReturn

import pytest


def missing(service: str, tried: str) -> NoReturn:
    """Skip with the reason; under `HEDGEROW_TEST_REQUIRE_SERVICES=1` fail instead."""
    reason = f"no {service}: {tried}"
    if os.environ.get("HEDGEROW_TEST_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
