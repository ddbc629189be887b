"""What tests of the overview share: the shop of the tests of sources, and an application that reads it."""

from pathlib import Path

import pytest

from tests.sources.conftest import folder, shop
from tests.support.apps import Api, MakeApi

__all__ = ["folder", "shop"]


@pytest.fixture
def api(request: pytest.FixtureRequest, folder: Path) -> Api:
    """An application that may read the shop, on SQLite or on the store a test is parametrized with."""
    url = request.getfixturevalue("postgres_url") if getattr(request, "param", "") == "postgres" else ""
    make_app: MakeApi = request.getfixturevalue("make_app")
    return make_app(source_files=str(folder), database_url=url)
