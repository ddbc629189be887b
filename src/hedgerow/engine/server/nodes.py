"""The nodes of a server or cluster: one client each, statements on one or on all, errors in our words."""

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from hedgerow.engine import statements
from hedgerow.engine.errors import EngineUnavailable
from hedgerow.engine.faults import fault
from hedgerow.engine.server.carrying import carried
from hedgerow.engine.server.url import ServerUrl
from hedgerow.engine.settings import OUTPUT
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.values import Bound

_OWN_WORDS = re.compile(r"Code: \d+\. DB::Exception: .*", re.DOTALL)
_ADDRESS = re.compile(r" \(for url [^)]*\)\s*$")
_CONNECTIONS = 64
_TIMEOUT_SECONDS = 3_600
_LONG_TEXT = 4 << 20
# Joins and IN of two distributed tables: the right side is sent to every shard, so that each sees all of its rows.
_CLUSTER: Mapping[str, str | int | float] = {
    "distributed_product_mode": "global",
    "prefer_global_in_and_join": 1,
    "skip_unavailable_shards": 0,
}

_HTTP = frozenset({"wait_end_of_query"})
"""Options of the HTTP interface that are no settings of the server."""

Settings = Mapping[str, str | int | float]


class Nodes:
    """Clients are made at first use and shared by threads; sessions are off, so that they may be."""

    def __init__(self, url: ServerUrl) -> None:
        self._url = url
        self._clients: dict[tuple[str, int, bool], Any] = {}
        self._lock = threading.Lock()
        self._on_cluster: bool | None = None

    @property
    def cluster(self) -> str | None:
        """The cluster's name; `None` for a single server."""
        return self._url.cluster

    def query(
        self, sql: str, output_format: str, parameters: Mapping[str, Bound], settings: Settings
    ) -> tuple[bytes, tuple[int, int, float]]:
        """An answer's bytes; rows read, bytes read, seconds are not told by this way and are 0."""
        text, values = carried(sql, parameters)
        body = self._ask(
            lambda client: client.raw_query(
                text, parameters=values, settings=self._settings(client, settings, text), fmt=output_format
            ),
            bool(values),
        )
        return body, (0, 0, 0.0)

    @contextlib.contextmanager
    def stream(
        self, sql: str, output_format: str, parameters: Mapping[str, Bound], settings: Settings
    ) -> Iterator[Any]:
        """An answer as a file to read from."""
        text, values = carried(sql, parameters)
        source = self._ask(
            lambda client: client.raw_stream(
                text, parameters=values, settings=self._settings(client, settings, text), fmt=output_format
            ),
            bool(values),
        )
        try:
            yield source
        finally:
            source.close()

    def command(self, sql: str, parameters: Mapping[str, Bound]) -> None:
        """A statement that answers nothing of interest, on one node."""
        text, values = carried(sql, parameters)
        self._ask(lambda client: client.raw_query(text, parameters=values, fmt=None), bool(values))

    def write(self, sql: str, parameters: Mapping[str, Bound], settings: Settings) -> None:
        """A statement that adds rows, on one node that is there; never repeated elsewhere, which could double rows."""
        place = next((place for place in self._url.hosts if self._answers(place)), self._url.hosts[0])
        text, values = carried(sql, parameters)
        self._at(
            place,
            lambda client: client.raw_query(
                text, parameters=values, settings=self._settings(client, settings, text), fmt=None
            ),
            bool(values),
        )

    def _answers(self, place: tuple[str, int]) -> bool:
        try:
            self._at(place, lambda client: client.raw_query("SELECT 1", fmt="TSV"))
        except HedgerowError:
            return False
        return True

    def everywhere(self, sql: str) -> None:
        """A statement of ours on every node: by the cluster itself where it does that, else node by node."""
        if self.cluster is None:
            self.command(sql, {})
        elif self._distributes():
            self.command(statements.on_cluster(sql, self.cluster), {})
        else:
            for place in self._places():
                self._at(place, lambda client: client.raw_query(sql, fmt=None))

    def insert(
        self, database: str, table: str, names: Sequence[str], content: BinaryIO, input_format: str, settings: Settings
    ) -> None:
        """Rows as a file, streamed."""
        place = f"{statements.quoted(database)}.{statements.quoted(table)}"
        self._ask(
            lambda client: client.raw_insert(
                place,
                column_names=[statements.quoted(name) for name in names],
                insert_block=content,
                fmt=input_format,
                settings=self._settings(client, settings),
            )
        )

    def insert_arrow(self, database: str, table: str, rows: pa.Table, settings: Settings) -> None:
        """Rows as an Arrow table."""
        self._ask(
            lambda client: client.insert_arrow(
                table, rows, database=database, settings=self._settings(client, settings)
            )
        )

    def kill(self, tag: str) -> bool:
        """Stop the queries with that tag, on whichever node they began; whether there was one."""
        found = False
        for place in self._url.hosts:
            with contextlib.suppress(HedgerowError):
                body = self._at(
                    place, lambda client: client.raw_query(statements.KILL, parameters={"tag": tag}, fmt="TSV"), True
                )
                found = found or bool(body.strip())
        return found

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    # --- clients

    def _ask(self, work: Any, form: bool = False) -> Any:
        """What the first node that answers says."""
        last: EngineUnavailable | None = None
        for place in self._url.hosts:
            try:
                return self._at(place, work, form)
            except EngineUnavailable as error:
                last = error
        raise last or EngineUnavailable()

    def _at(self, place: tuple[str, int], work: Any, form: bool = False) -> Any:
        from clickhouse_connect.driver import exceptions

        try:
            return work(self._client(place, form))
        except exceptions.OperationalError as error:
            raise EngineUnavailable from error
        except exceptions.Error as error:
            raise fault(_words(error)) from error

    def _client(self, place: tuple[str, int], form: bool) -> Any:
        client = self._clients.get((*place, form))
        if client is not None:
            return client
        import clickhouse_connect
        from clickhouse_connect.driver.httputil import get_pool_manager

        with self._lock:
            if (*place, form) not in self._clients:
                self._clients[(*place, form)] = clickhouse_connect.get_client(
                    host=place[0],
                    port=place[1],
                    username=self._url.user,
                    password=self._url.password,
                    secure=self._url.secure,
                    autogenerate_session_id=False,
                    form_encode_query_params=form,
                    send_receive_timeout=_TIMEOUT_SECONDS,
                    pool_mgr=get_pool_manager(maxsize=_CONNECTIONS, num_pools=4),
                    settings=dict(OUTPUT),
                )
            return self._clients[(*place, form)]

    def _settings(self, client: Any, settings: Settings, text: str = "") -> dict[str, str | int | float]:
        """Those of the settings that the server has: versions differ, and none of them changes what is allowed."""
        wanted = {**settings, **_CLUSTER} if self.cluster else dict(settings)
        if len(text) > _LONG_TEXT:
            wanted["max_query_size"] = 4 * len(text)  # it counts bytes, and those of large values too
        return {name: value for name, value in wanted.items() if name in client.server_settings or name in _HTTP}

    def _distributes(self) -> bool:
        """Whether `ON CLUSTER` works: not without Keeper."""
        if self._on_cluster is None:
            try:
                self.command(
                    f"CREATE DATABASE IF NOT EXISTS default ON CLUSTER {statements.quoted(str(self.cluster))}", {}
                )
                self._on_cluster = True
            except EngineUnavailable:
                raise
            except HedgerowError:
                self._on_cluster = False
        return self._on_cluster

    def _places(self) -> tuple[tuple[str, int], ...]:
        """Every node: those of the URL when it names several, else the cluster's own hosts at the URL's port."""
        if len(self._url.hosts) > 1:
            return self._url.hosts
        sql = "SELECT DISTINCT host_name FROM system.clusters WHERE cluster = {name:String}"
        body, _ = self.query(sql, "JSONCompactEachRow", {"name": Bound("String", self.cluster)}, {})
        hosts = [orjson.loads(line)[0] for line in body.splitlines()]
        if not hosts:
            raise EngineUnavailable(f"The ClickHouse server knows no cluster {self.cluster}.", code="unknown_cluster")
        port = self._url.hosts[0][1]
        return tuple((host, port) for host in hosts)


def _words(error: Exception) -> str:
    """ClickHouse's own message out of the client's."""
    text = _ADDRESS.sub("", str(error))
    found = _OWN_WORDS.search(text)
    return found[0] if found else text
