"""Opens the engine that the settings name."""

from hedgerow.engine.base import Engine
from hedgerow.engine.chdb import ChdbEngine
from hedgerow.engine.clickhouse import ClickHouseEngine
from hedgerow.engine.server import url as server_url
from hedgerow.kit.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """`chdb:` keeps its data in `<home>/engine`; `clickhouse://…` connects to a server or cluster."""
    url = settings.engine_url.get_secret_value()
    if url.rstrip("/") in {"chdb:", "chdb"}:
        return ChdbEngine(settings.home_path / "engine", settings.query_concurrency or None)
    return ClickHouseEngine(server_url.parse(url), settings.query_concurrency or None)
