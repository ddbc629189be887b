"""The parser against the published one (in a process of its own) and against sqlglot, if installed."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from bench.table import Measured, show
from hedgerow.language.query.rebuilding import rebuild
from hedgerow.language.syntax.errors import SyntaxFault
from hedgerow.language.syntax.format import format_tree
from hedgerow.language.syntax.parser import parse_expr, parse_program, parse_select

MEDIUM = """
WITH recent AS (
    SELECT carrier, origin, dest, dep_delay, arr_delay, time_hour
    FROM flights
    WHERE time_hour >= toDateTime('2013-06-01') AND dep_delay IS NOT NULL
)
SELECT
    recent.carrier AS carrier,
    airlines.name AS airline,
    toStartOfDay(recent.time_hour) AS day,
    count() AS flights,
    avg(recent.dep_delay) AS mean_delay,
    quantile(0.9)(recent.dep_delay) AS slow_delay,
    countIf(recent.arr_delay > 15) / count() * 100 AS late_share,
    uniq(recent.dest) AS destinations,
    if(avg(recent.dep_delay) > 10, 'late', 'punctual') AS label,
    round(sum(recent.arr_delay) / 60, 2) AS hours_lost,
    max(recent.dep_delay) - min(recent.dep_delay) AS spread,
    coalesce(airlines.name, 'unknown') AS shown,
    multiIf(count() > 100, 'big', count() > 10, 'middle', 'small') AS size,
    arrayMap(x -> x + 1, [1, 2, 3]) AS numbers,
    concat(recent.origin, '-', any(recent.dest)) AS route
FROM recent
LEFT JOIN airlines ON airlines.carrier = recent.carrier
WHERE recent.origin IN ('JFK', 'LGA') AND recent.carrier != 'AA'
GROUP BY carrier, airline, day, recent.origin
HAVING flights > 5
ORDER BY day DESC, flights ASC
LIMIT 100 OFFSET 20
"""
PROGRAM = "let total := 0; for (let n in [1, 2, 3]) { if (n > 1) { total := total + n; } } return total;\n" * 20
WIDE = "SELECT " + ", ".join(f"concat(a{i}, 'x{i}') AS b{i}" for i in range(30_000)) + " FROM t"
_NESTED = 10
_PUBLISHED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from tests.oracles.hogql_process import stub
stub()
import hogql_parser
text, kind, rounds = sys.stdin.read(), sys.argv[2], int(sys.argv[3])
parse = getattr(hogql_parser, f"parse_{kind}_json")
best = 9e9
for _ in range(rounds):
    began = time.perf_counter()
    parse(text, is_internal=True)
    best = min(best, time.perf_counter() - began)
print(best * 1000)
"""


def nested(calls: int) -> str:
    return "f(" * calls + "x" + ")" * calls


def milliseconds(run: Callable[[], object], rounds: int = 50) -> float:
    """The best of `rounds`."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best * 1000


def published(kind: str, text: str, rounds: int = 5) -> float:
    """The published parser's time; nan where it is not installed."""
    if find_spec("hogql_parser") is None:
        return float("nan")
    command = [sys.executable, "-c", _PUBLISHED, str(Path(__file__).parent.parent), kind, str(rounds)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return float(done.stdout)


def sqlglot_time(text: str) -> float | None:
    if find_spec("sqlglot") is None:
        return None
    import sqlglot

    return milliseconds(lambda: sqlglot.parse_one(text, dialect="clickhouse"), 20)


def main() -> None:
    """Print the table."""
    medium = milliseconds(lambda: parse_select(MEDIUM))
    tree = parse_select(MEDIUM)
    deep = nested(200)
    lines = [
        _against("medium select, published parser", medium, published("select", MEDIUM), "< 1 ms", medium < 1),
        _against(
            f"{_NESTED} nested calls, published parser",
            milliseconds(lambda: parse_expr(nested(_NESTED))),
            published("expr", nested(_NESTED), 2),
        ),
        _against(
            "20 small programs in one, published parser",
            milliseconds(lambda: parse_program(PROGRAM), 20),
            published("program", PROGRAM, 1),
        ),
        _alone("200 nested calls", lambda: parse_expr(deep), 10),
        _alone(f"a select of {len(WIDE) / 1e6:.1f} million characters", lambda: parse_select(WIDE), 3_000, rounds=2),
        _alone("10,000 open brackets, refused", lambda: _refused("(" * 10_000), 100),
        _alone("medium select, a copy of its tree", lambda: rebuild(tree, lambda _node: None), 1),
        _alone("medium select, its tree formatted", lambda: format_tree(tree), 1),
    ]
    peer = sqlglot_time(MEDIUM)
    if peer is not None:
        lines.insert(1, _against("medium select, sqlglot", medium, peer, "as fast", medium <= peer))
    show("parse", lines)


def _against(name: str, ours: float, peer: float, goal: str = "", met: bool | None = None) -> Measured:
    return Measured(name, ours, peer, "ms", f"{goal}  ({peer / ours:.1f} times as fast)", met)


def _alone(name: str, run: Callable[[], object], goal: float, rounds: int = 20) -> Measured:
    taken = milliseconds(run, rounds)
    return Measured(name, taken, float("nan"), "ms", f"< {goal:g} ms", taken < goal)


def _refused(text: str) -> None:
    with suppress(SyntaxFault):
        parse_expr(text)


if __name__ == "__main__":
    main()
