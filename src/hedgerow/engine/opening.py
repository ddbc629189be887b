"""Opens the engine that the settings name."""

from hedgerow.engine.base import Engine
from hedgerow.engine.chdb import ChdbEngine
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.settings import Settings


class EngineUrlWrong(HedgerowError):
    """`HEDGEROW_ENGINE_URL` names no engine there is."""


def open_engine(settings: Settings) -> Engine:
    """`chdb:` keeps its data in `<home>/engine`; `clickhouse://…` connects to a server."""
    url = settings.engine_url.get_secret_value()
    if url.rstrip("/") in {"chdb:", "chdb"}:
        return ChdbEngine(settings.home_path / "engine", settings.query_concurrency or None)
    raise EngineUrlWrong("HEDGEROW_ENGINE_URL must be chdb: or clickhouse://user:password@host:8123/")
