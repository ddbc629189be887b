"""One parametrised query over 1,000,000 rows, over HTTP: Hedgerow beside the servers that do the same.

`python -m bench peers` installs what it can into .cache/peers and says of every other peer why it is missing.
"""

import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.load import Load, measure, post
from bench.payments import CUSTOMERS, payments
from bench.peers import servers, superset
from bench.peers.servers import SQL, Asked, Missing
from bench.table import Measured, show
from hedgerow.kit.ids import token
from tests.support.processes import start_server

_ROUNDS, _SECONDS = 5, 1.0
_HOT = 7919


@dataclass(frozen=True, slots=True)
class Peer:
    """`cold` and `hot`: what our rate is to be, by the peer's, for other customers each time and for one."""

    name: str
    serve: Callable[[Path], Any]
    cold: float | None = None
    hot: float | None = None


def main() -> None:
    """Each peer in turn with Hedgerow, both asked by turns."""
    key = token("phx_")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = payments()
        pq.write_table(rows, folder / "payments.parquet")
        expected = sorted(pc.unique(rows.filter(pc.equal(rows["customer_id"], _HOT))["country"]).to_pylist())
        with _hedgerow(folder, key) as (cold, hot):
            _check(hot, expected)
            for peer in PEERS:
                try:
                    with peer.serve(folder) as asked:
                        _check(asked, expected)
                        _compare(peer, (cold, hot), asked)
                except Missing as reason:
                    print(f"\n{peer.name}: missing: {reason}")
                except BaseException as skipped:
                    # What tests skip by: npm or its package is not there.
                    if type(skipped).__name__ != "Skipped":
                        raise
                    print(f"\n{peer.name}: missing: {skipped}")


def _compare(peer: Peer, ours: tuple[Asked, Asked], asked: Asked) -> None:
    lines = []
    for what, mine, goal, customer in (
        ("other customers each time", ours[0], peer.cold, lambda n: n * 7919 % CUSTOMERS),
        ("one customer", ours[1], peer.hot, lambda n: _HOT),
    ):
        for connections in (1, 16):
            rounds = [(_rate(mine, customer, connections), _rate(asked, customer, connections)) for _ in range(_ROUNDS)]
            ratio = statistics.median(one.rate / other.rate for one, other in rounds)
            rates = [statistics.median(each.rate for each in side) for side in zip(*rounds, strict=True)]
            late = [statistics.median(each.p50 for each in side) for side in zip(*rounds, strict=True)]
            name = f"{what}, {connections} conn."
            text = f">= {goal}" if goal else ""
            lines.append(Measured(f"{name}, answers a second", *rates, "", text, ratio >= goal if goal else None))
            lines.append(Measured("  p50", *late, "ms", ""))
    show(f"Hedgerow beside {peer.name}", lines)


def _rate(asked: Asked, customer: Callable[[int], int], connections: int) -> Load:
    return measure(asked.port, lambda n: asked.ask(customer(n)), connections, _SECONDS)


def _check(asked: Asked, expected: Sequence[str]) -> None:
    """It answers with the rows there are, whatever its shape."""
    head, _, body = asked.ask(_HOT).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    answer = httpx.request(method, f"http://127.0.0.1:{asked.port}{path}", headers=headers, content=body, timeout=60)
    assert answer.is_success, answer.text
    assert all(country in answer.text for country in expected), answer.text


@contextmanager
def _hedgerow(folder: Path, key: str) -> Iterator[tuple[Asked, Asked]]:
    environment = {"HEDGEROW_BOOTSTRAP_KEY": key, "HEDGEROW_LOG_LEVEL": "error", "HEDGEROW_THROTTLE": "false"}
    text = SQL.format("{variables.customer}")
    with start_server(folder / "home", environment) as server, server.client(key) as api:
        base = "/api/projects/1"
        with (folder / "payments.parquet").open("rb") as content:
            form = {"name": "payments", "format": "Parquet", "options": json.dumps({"order_by": ["customer_id"]})}
            files = {"file": ("payments.parquet", content)}
            _made(api.post(f"{base}/warehouse_tables/file", data=form, files=files, timeout=300))
        _made(api.post(f"{base}/insight_variables", json={"name": "customer", "type": "Number"}))
        _made(api.post(f"{base}/endpoints", json={"name": "sums", "query": {"kind": "HogQLQuery", "query": text}}))
        port, run = int(server.url.rsplit(":", 1)[1]), f"{base}/endpoints/sums/run"
        yield (
            Asked(port, lambda n: post(run, b'{"refresh":"force","variables":{"customer":%d}}' % n, key)),
            Asked(port, lambda n: post(run, b'{"variables":{"customer":%d}}' % n, key)),
        )


def _made(answer: httpx.Response) -> None:
    assert answer.status_code == 201, answer.text


PEERS = (
    Peer("a ClickHouse server's predefined_query_handler", servers.predefined, cold=0.7),
    Peer("a ClickHouse server's HTTP interface", servers.interface, hot=5.0),
    Peer("datasette 0.65.5, a canned query", servers.datasette, cold=1.0),
    Peer("datasette 0.65.5, a canned query over an index", servers.datasette_by_index),
    Peer("ROAPI 0.12.7, in memory", servers.roapi, cold=1.0),
    Peer("flapi 26.2 over Parquet", servers.flapi, cold=1.0),
    Peer("Superset", superset.serve, cold=1.0),
    Peer("PostGraphile 4 over an index", servers.postgraphile, hot=2.0),
)


if __name__ == "__main__":
    main()
