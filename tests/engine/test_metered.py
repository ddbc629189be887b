"""Queries are counted, and counting changes nothing."""

import pytest

from hedgerow.engine.base import Engine
from hedgerow.engine.errors import EngineError
from hedgerow.engine.metered import Figures, metered
from hedgerow.engine.result import Query

pytestmark = pytest.mark.anyio


async def test_runs_streams_and_failures_are_counted(chdb_engine: Engine) -> None:
    figures = Figures()
    engine = metered(chdb_engine, figures)
    assert (await engine.run(Query("SELECT 1"))).rows == b"[1]\n"
    chunks = [chunk async for chunk in engine.stream(Query("SELECT number FROM numbers(3)"), "JSONCompactEachRow")]
    assert b"".join(chunks) == b"[0]\n[1]\n[2]\n"
    with pytest.raises(EngineError):
        await engine.run(Query("SELECT no_such_column"))
    assert (figures.running, figures.total, figures.failed) == (0, 3, 1)
    assert figures.seconds > 0


async def test_everything_else_is_the_engines_own(chdb_engine: Engine) -> None:
    figures = Figures()
    engine = metered(chdb_engine, figures)
    assert engine.name == chdb_engine.name
    assert await engine.ready()
    assert figures.total == 0
