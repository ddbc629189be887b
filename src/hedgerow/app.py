"""The composition root: opens what the settings name, introduces the rooms to each other, mounts their routes."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

import hedgerow.accounts.project_routes
import hedgerow.accounts.routes
import hedgerow.activity.routes
import hedgerow.checks.routes
import hedgerow.endpoints.routes
import hedgerow.overview.routes
import hedgerow.queries.routes
import hedgerow.sources.routes.changes
import hedgerow.sources.routes.deliveries
import hedgerow.sources.routes.schemas
import hedgerow.sources.routes.sources
import hedgerow.variables.routes
import hedgerow.views.routes.folders
import hedgerow.views.routes.links
import hedgerow.views.routes.runs
import hedgerow.views.routes.saved
import hedgerow.warehouse.routes
from hedgerow import __version__
from hedgerow.accounts import Accounts, prepare
from hedgerow.accounts.administration import make_home, store_url
from hedgerow.activity import Retention
from hedgerow.cache import Cache, open_cache
from hedgerow.checks import Checks, open_checks
from hedgerow.connectors.opening import open_connectors
from hedgerow.endpoints import Backends as EndpointBackends
from hedgerow.endpoints import EndpointReaders, Endpoints, open_endpoints
from hedgerow.endpoints.run.cached.results import Results
from hedgerow.engine.base import Engine
from hedgerow.engine.folder import FolderLock, FolderTaken
from hedgerow.engine.metered import Figures, metered
from hedgerow.engine.opening import open_engine
from hedgerow.files import Files, open_files
from hedgerow.jobs import Figures as JobFigures
from hedgerow.jobs import JobRoom, open_jobs
from hedgerow.kit import lasting
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.outgoing import OutgoingGuard
from hedgerow.kit.rates import Rate
from hedgerow.kit.settings import Settings
from hedgerow.materialize import Tables
from hedgerow.overview import Overview
from hedgerow.queries.opening import Backends as QueryBackends
from hedgerow.queries.opening import open_queries
from hedgerow.queries.routes import QueryDesk
from hedgerow.sources import Backends as SourceBackends
from hedgerow.sources import Sources, open_sources
from hedgerow.sources.memory import contribute as dotted_names
from hedgerow.sources.revenue import KIND as REVENUE
from hedgerow.store import Secrets, Store, open_secrets, rotating
from hedgerow.store.secrets import keep_keys, keys_of, new_key
from hedgerow.variables import Variables
from hedgerow.views import Backends as ViewBackends
from hedgerow.views import Neighbours, ViewMemory, Views, open_views, taken
from hedgerow.warehouse import Backends, Warehouse, open_warehouse
from hedgerow.web import schema, serving
from hedgerow.web.application import create, include, mount
from hedgerow.web.gate import KeyGate
from hedgerow.web.limits.refusals import Refusals
from hedgerow.web.limits.slots import Slots
from hedgerow.web.limits.throttles import Throttles
from hedgerow.web.telemetry import health, logs
from hedgerow.web.telemetry.metrics import Metrics


class CannotStart(HedgerowError):
    """A setting or the machine does not allow it; the text is for whoever started the process."""


@dataclass(frozen=True, slots=True)
class House:
    """What is open while an application runs."""

    settings: Settings
    store: Store
    secrets: Secrets
    engine: Engine
    figures: Figures
    cache: Cache
    files: Files
    jobs: JobRoom
    accounts: Accounts
    warehouse: Warehouse
    tables: Tables
    checks: Checks
    queries: QueryDesk
    views: Views
    endpoints: Endpoints
    sources: Sources


def build(settings: Settings, engine: Engine | None = None) -> FastAPI:
    """The whole application. Nothing is opened before its lifespan begins, and all is closed when it ends.

    While it runs, `app.state.house` is its `House`, and `app.state.first_key` the key that was made on a first start.
    An `engine` that is handed in is used in place of the settings' own, and left open.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            app.state.house = house = await _open(settings, engine, opened)
            app.state.first_key = await asyncio.to_thread(_first_start, house)
            _watch(metrics, house.figures)
            _watch_jobs(metrics, house.jobs.worker.figures)
            _watch_results(metrics, house.endpoints.runs.serving.results)
            _furnish(app, house, metrics)
            await _start_worker(house, opened)
            yield

    return create(settings, metrics, lifespan)


async def _open(settings: Settings, engine: Engine | None, opened: AsyncExitStack) -> House:
    """Open all backends, the slow ones side by side; `opened` closes what was opened, also after a failure."""
    home = settings.home_path
    try:
        make_home(home)
        cache = open_cache(settings.cache_url.get_secret_value(), settings.cache_max_bytes)
        files = open_files(settings.files_url.get_secret_value(), home)
        secrets = open_secrets(settings.secret_key.get_secret_value(), home)
    except OSError as error:
        raise CannotStart(f"The home folder {home} cannot be used: {error.strerror}.") from error
    except ValueError as error:
        raise CannotStart(f"A setting cannot be used: {error}.") from error
    opened.push_async_callback(cache.close)
    opened.push_async_callback(files.close)
    store = open_store(settings)
    opened.callback(store.dispose)
    retention = Retention(store, settings.activity_days)
    opened.push_async_callback(retention.close)
    jobs = open_jobs(store, settings.workers, settings.job_lease)
    figures = Figures()
    engine = metered(await _engine_and_schema(settings, store, engine, opened), figures)
    standing_on = Backends(store, secrets, engine, files)
    warehouse = open_warehouse(standing_on, settings, [taken], [dotted_names, ViewMemory().contribute])
    opened.push_async_callback(warehouse.close)
    await warehouse.start()
    retention.start()
    tables = Tables(store, engine, lease=timedelta(seconds=settings.job_lease))
    opened.push_async_callback(tables.close)
    await tables.start()
    slots = _slots(cache, settings)
    opened.push_async_callback(slots.close)
    queries, background = open_queries(QueryBackends(store, warehouse.catalogs, engine, cache, slots), settings)
    opened.push_async_callback(background.close)
    accounts = Accounts(store, secrets, settings.token_max_seconds)
    standing = EndpointBackends(
        store, engine, warehouse.catalogs, Variables(), queries.kinds, accounts.signing, slots, jobs, tables, cache
    )
    checks = open_checks(store, engine, warehouse.catalogs, jobs, settings)
    warehouse.uploads.inspections.append(checks.looking.inspect)
    neighbours = Neighbours(warehouse.tables.named, EndpointReaders())
    viewing = ViewBackends(store, engine, warehouse.catalogs, tables, jobs, checks, neighbours)
    views = open_views(viewing, settings)
    warehouse.tables.farewells.append(views.table_gone)
    endpoints = open_endpoints(standing, settings)
    opened.push_async_callback(endpoints.close)
    await endpoints.start()
    known = open_connectors(OutgoingGuard(settings.source_private_hosts), settings.source_folder)
    kept = (store, secrets, known, jobs, warehouse, tables, engine, checks)
    sources = _open_sources(SourceBackends(*kept, views.managed.switch), views, queries, settings)
    opened.push_async_callback(sources.close)
    rooms = (jobs, accounts, warehouse, tables, checks, queries, views, endpoints, sources)
    return House(settings, store, secrets, engine, figures, cache, files, *rooms)


def _open_sources(backends: SourceBackends, views: Views, queries: QueryDesk, settings: Settings) -> Sources:
    """The room of sources, which tells views what there is to say of revenue, and opens connections for queries."""
    sources = open_sources(backends, settings.direct_max_rows, settings.source_checkpoint_seconds)
    views.managed.makers[REVENUE] = sources.revenue.views
    queries.connections.introduce(sources.connections.open)
    return sources


async def _start_worker(house: House, opened: AsyncExitStack) -> None:
    """Begin to run jobs, when every kind is registered; end it before what its handlers use is closed."""
    opened.push_async_callback(house.jobs.worker.close)
    # The embedded engine has one process: jobs that ran when it ended are nobody's.
    await house.jobs.worker.start(alone=house.engine.name == "chdb")


async def _engine_and_schema(settings: Settings, store: Store, engine: Engine | None, opened: AsyncExitStack) -> Engine:
    """Open the engine while the store migrates."""
    if engine is not None:
        await asyncio.to_thread(_migrate, store)
        return engine
    migrating = asyncio.to_thread(_migrate, store)
    found, migrated = await asyncio.gather(_opened(settings), migrating, return_exceptions=True)
    if isinstance(found, BaseException):
        raise found
    opened.push_async_callback(found.close)
    if isinstance(migrated, BaseException):
        raise migrated
    return found


async def _opened(settings: Settings) -> Engine:
    """The engine; the embedded one is loaded, which takes as long as the rest of a start. A server may come later."""
    engine = await asyncio.to_thread(open_engine, settings)
    if engine.name == "chdb":
        await engine.ready()
    return engine


def _migrate(store: Store) -> None:
    try:
        store.migrate()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise CannotStart(f"The metadata store cannot be opened: {reason}") from error


def open_store(settings: Settings) -> Store:
    """The metadata store that the settings name, not migrated yet."""
    return Store(store_url(settings))


def rotate_secrets(settings: Settings) -> int:
    """Encrypt what is stored encrypted with the first of the setting's keys, else with a new one; how much it was.

    Each step leaves keys that read everything, whether it is the last one or not.
    """
    make_home(settings.home_path)
    store, said = open_store(settings), settings.secret_key.get_secret_value()
    file = settings.home_path / "secret.key"
    folder = settings.home_path / "engine"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = FolderLock(folder) if not said else None  # a server that runs here knows only the keys it began with
    try:
        _migrate(store)
        keys = [] if said else [new_key(), *keys_of(file)]
        if keys:
            keep_keys(file, keys)
        with store.write() as session:
            count = rotating.rotate(session, open_secrets(said, settings.home_path))
        if keys:
            keep_keys(file, keys[:1])
        return count
    finally:
        store.dispose()
        if lock is not None:
            lock.release()


def _first_start(house: House) -> str | None:
    with house.store.write() as session:
        return prepare(session, house.settings.bootstrap_key.get_secret_value())


def _furnish(app: FastAPI, house: House, metrics: Metrics) -> None:
    """Bind the rooms to what is open, and mount their routes."""
    refused = Rate.parse(house.settings.throttle_refused) if house.settings.throttle else None
    refusals = Refusals(house.cache, refused)
    gate = KeyGate(house.accounts, house.accounts, _throttles(house.cache, house.settings), refusals)

    async def store_ready() -> bool:
        return await asyncio.to_thread(house.store.ready)

    probes = {"store": store_ready, "engine": house.engine.ready, "cache": house.cache.ready}
    app.include_router(health.router(probes, metrics))
    app.include_router(schema.router(app))
    include(app, hedgerow.accounts.routes.router(house.store, house.accounts, gate))
    mount(app, hedgerow.accounts.project_routes.router(house.store, house.accounts, gate), "keys")
    mount(app, hedgerow.activity.routes.router(house.store, house.accounts, gate), "activity_log")
    mount(app, hedgerow.warehouse.routes.router(house.warehouse, house.accounts, gate), "warehouse_tables")
    mount(app, hedgerow.queries.routes.router(house.queries, gate), "query")
    mount(app, hedgerow.variables.routes.router(house.store, Variables(), gate), "insight_variables")
    mount(
        app,
        hedgerow.views.routes.saved.router(house.store, house.views, house.accounts, gate),
        "warehouse_saved_queries",
    )
    folders = hedgerow.views.routes.folders.router(house.views, house.accounts, gate)
    mount(app, folders, "warehouse_saved_query_folders")
    runs = hedgerow.views.routes.runs.router(house.store, house.views, house.accounts, gate)
    mount(app, runs, "data_modeling_jobs")
    links = hedgerow.views.routes.links.router(house.store, house.views, house.accounts, gate)
    mount(app, links, "warehouse_view_links")
    mount(app, hedgerow.checks.routes.router(house.checks, house.accounts, gate), "data_checks")
    mount(app, hedgerow.endpoints.routes.router(house.endpoints, house.accounts, gate), "endpoints")
    sources = hedgerow.sources.routes.sources.router(house.sources, house.accounts, gate)
    mount(app, hedgerow.sources.routes.changes.router(house.sources, gate), "external_data_sources")
    mount(app, sources, "external_data_sources")
    mount(app, hedgerow.sources.routes.schemas.router(house.sources, gate), "external_data_schemas")
    overview = Overview(house.store, house.accounts, house.jobs.jobs, house.warehouse.catalogs, house.queries)
    mount(app, hedgerow.overview.routes.router(overview, gate), "data_warehouse")
    app.include_router(hedgerow.sources.routes.deliveries.router(house.sources, refusals))


def _watch(metrics: Metrics, figures: Figures) -> None:
    metrics.watch("hedgerow_engine_queries_running", "Queries in the engine.", lambda: figures.running)
    metrics.watch("hedgerow_engine_queries_total", "Queries since the start.", lambda: figures.total, counts=True)
    metrics.watch("hedgerow_engine_queries_failed_total", "Queries that failed.", lambda: figures.failed, counts=True)
    metrics.watch("hedgerow_engine_seconds_total", "Time spent on queries.", lambda: figures.seconds, counts=True)


def _watch_jobs(metrics: Metrics, done: JobFigures) -> None:
    metrics.watch("hedgerow_jobs_waiting", "Jobs that wait, on all machines.", lambda: done.waiting)
    metrics.watch("hedgerow_jobs_running", "Jobs that run, on all machines.", lambda: done.running)
    for name in ("done", "failed", "retried", "cancelled", "given_back", "lost"):
        count = partial(done.count, name)
        metrics.watch(f"hedgerow_jobs_{name}_total", "Runs that ended so, in this process.", count, counts=True)


def _watch_results(metrics: Metrics, results: Results) -> None:
    for name, what in {"hits": "made from a kept result", "misses": "made by the engine"}.items():
        count = partial(getattr, results, name)
        metrics.watch(f"hedgerow_run_results_{name}_total", f"Runs {what}.", count, counts=True)


def _throttles(cache: Cache, settings: Settings) -> Throttles:
    if not settings.throttle:
        return Throttles(cache, {})
    ordinary = _rates(settings.throttle_burst, settings.throttle_sustained)
    query = _rates(settings.throttle_query_burst, settings.throttle_query_sustained)
    together = _rates(settings.throttle_keys_burst, settings.throttle_keys_sustained)
    materialized = _rates(settings.throttle_materialized_burst, settings.throttle_materialized_sustained)
    rates = {"default": ordinary, "query": query, "materialized": materialized}
    return Throttles(cache, rates, {"query": together, "materialized": together})


def _slots(cache: Cache, settings: Settings) -> Slots:
    limits = {"query": settings.concurrent_queries, "materialized": settings.concurrent_materialized}
    return Slots(cache, limits)


def _rates(*texts: str) -> list[Rate]:
    return [rate for text in texts if (rate := Rate.parse(text))]


def serve(settings: Settings) -> int:
    """Serve until told to stop; the exit status. Says where it listens, or in one line why it cannot."""
    logs.configure(settings.log_level, settings.log_format)
    try:
        bound = serving.listen(settings.host, settings.port)
        app = build(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serving.serve(app, bound, lambda: _ready(app, serving.address(bound))))
    except (serving.CannotListen, HedgerowError) as error:
        print(f"hedgerow: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def work(settings: Settings) -> int:
    """Run jobs, and nothing else, until told to stop; the exit status."""
    logs.configure(settings.log_level, settings.log_format)
    chosen = settings if settings.workers else settings.model_copy(update={"workers": 1})
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_work(chosen))
    except FolderTaken as error:
        hint = "The embedded engine has one process, and `hedgerow serve` runs its jobs itself: set HEDGEROW_WORKERS."
        print(f"hedgerow: {error} {hint}", file=sys.stderr)
        return 1
    except HedgerowError as error:
        print(f"hedgerow: {error}", file=sys.stderr)
        return 1
    return 0


async def _work(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    async with AsyncExitStack() as opened:
        house = await _open(settings, None, opened)
        await _start_worker(house, opened)
        lasting.end()
        _say(f"Hedgerow {__version__} works on {settings.workers} jobs at once")
        await stop.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _ready(app: FastAPI, address: str) -> None:
    lasting.end()
    lines = [f"Hedgerow {__version__} listens on {address}", f"  docs  {address}/api/docs/"]
    if app.state.first_key:
        lines += [f"  key   {app.state.first_key}", "        (of project 1, with every scope; it is not shown again)"]
        app.state.first_key = None
    _say("\n".join(lines))


def _say(text: str) -> None:
    with suppress(OSError):  # a full disk under what it prints ends no server
        print(text, flush=True)
