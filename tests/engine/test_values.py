"""Any value that goes in comes out, on the embedded engine and on a server."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedgerow.engine.base import Engine
from hedgerow.engine.result import Query
from hedgerow.engine.server import url as server_url
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.values import Bound

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_VALUES = st.one_of(
    st.tuples(st.just("String"), _TEXT),
    st.tuples(st.just("Int64"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("Bool"), st.booleans()),
    st.tuples(st.just("Float64"), st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)),
    st.tuples(st.just("Nullable(String)"), st.none()),
    st.tuples(st.just("Array(String)"), st.lists(_TEXT, max_size=5)),
    st.tuples(st.just("Array(Int64)"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5)),
    st.tuples(st.just("Array(Nullable(String))"), st.lists(st.none() | _TEXT, max_size=5)),
)
_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _echo(engine: Engine, kind: str, value: Any) -> Any:
    answer = asyncio.run(engine.run(Query(f"SELECT {{v:{kind}}}", {"v": Bound(kind, value)})))
    return json.loads(answer.json_rows())[0][0]


@_SETTINGS
@given(_VALUES)
def test_the_embedded_engine_echoes(chdb_engine: Engine, bound: tuple[str, Any]) -> None:
    assert _echo(chdb_engine, *bound) == bound[1]


@_SETTINGS
@given(_VALUES)
def test_a_server_echoes(clickhouse_engine: Engine, bound: tuple[str, Any]) -> None:
    assert _echo(clickhouse_engine, *bound) == bound[1]


def test_a_lone_surrogate_is_replaced(chdb_engine: Engine) -> None:
    assert _echo(chdb_engine, "String", "a\ud800b") == "a?b"


@pytest.mark.parametrize(
    ("text", "hosts", "cluster", "secure"),
    [
        ("clickhouse://u:p@one:9000/", (("one", 9000),), None, False),
        ("clickhouse://one,two:8124/?cluster=c", (("one", 8123), ("two", 8124)), "c", False),
        ("clickhouse://u:p%40w@[::1]:1/?secure=1", (("::1", 1),), None, True),
    ],
)
def test_urls(text: str, hosts: object, cluster: str | None, secure: bool) -> None:
    parsed = server_url.parse(text)
    assert (parsed.hosts, parsed.cluster, parsed.secure) == (hosts, cluster, secure)


@pytest.mark.parametrize("text", ["", "mysql://x", "clickhouse://", "clickhouse://u:secret@host:port/"])
def test_bad_urls_are_refused_without_their_password(text: str) -> None:
    with pytest.raises(HedgerowError) as caught:
        server_url.parse(text)
    assert "secret" not in caught.value.detail
