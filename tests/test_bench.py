"""Each benchmark can be run by its name."""

from importlib import import_module

import pytest

from bench.__main__ import LONG, NAMES


@pytest.mark.parametrize("name", [*NAMES, *LONG])
def test_a_benchmark_is_there(name: str) -> None:
    assert callable(import_module(f"bench.{name}").main)
