"""Each engine against the one suite."""

import pytest

from hedgerow.engine.base import Engine
from tests.conformance.engine import EngineConformance


class TestChdb(EngineConformance):
    @pytest.fixture
    def engine(self, chdb_engine: Engine) -> Engine:
        return chdb_engine


class TestClickHouseServer(EngineConformance):
    @pytest.fixture
    def engine(self, clickhouse_engine: Engine) -> Engine:
        return clickhouse_engine


class TestClickHouseCluster(EngineConformance):
    @pytest.fixture
    def engine(self, cluster_engine: Engine) -> Engine:
        return cluster_engine

    async def test_rows_lie_on_both_shards(self, engine: Engine, database: str) -> None:
        await self._filled(engine, database, "t_spread", 1000)
        local = await self.one(engine, f"SELECT count() FROM {database}.t_spread__local")
        assert 200 < local < 800
