"""The fixed statements of both engines, and how their answers are read."""

from collections.abc import Sequence

import orjson

from hedgerow.engine.result import Answer, Column, Progress, Query
from hedgerow.kit.values import Bound

KILL = "KILL QUERY WHERE Settings['log_comment'] = {tag:String} AND query_kind != 'KillQuery' ASYNC"
KILL_ALL = "KILL QUERY WHERE Settings['log_comment'] != '' ASYNC"
PROGRESS = (
    "SELECT sum(read_rows), sum(read_bytes), sum(total_rows_approx), max(elapsed), "
    "sum(ProfileEvents['OSCPUVirtualTimeMicroseconds']) / 1e6, count() "
    "FROM system.processes WHERE Settings['log_comment'] = {tag:String}"
)


def quoted(name: str) -> str:
    """A name between backticks, whatever is in it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def create_database(database: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {quoted(database)}"


def create_table(database: str, table: str, columns: Sequence[Column], order_by: Sequence[str]) -> str:
    """A MergeTree table; `order_by` may name nullable columns."""
    order = "(" + ", ".join(map(quoted, order_by)) + ")" if order_by else "tuple()"
    return (
        f"CREATE TABLE {quoted(database)}.{quoted(table)} ({structure(columns)}) "
        f"ENGINE = MergeTree ORDER BY {order} SETTINGS allow_nullable_key = 1"
    )


def drop_table(database: str, table: str) -> str:
    return f"DROP TABLE IF EXISTS {quoted(database)}.{quoted(table)} SYNC"


def swap_tables(database: str, one: str, other: str) -> str:
    return f"EXCHANGE TABLES {quoted(database)}.{quoted(one)} AND {quoted(database)}.{quoted(other)}"


def list_tables(database: str) -> Query:
    sql = "SELECT name FROM system.tables WHERE database = {database:String}"
    return Query(sql, {"database": Bound("String", database)})


def structure(columns: Sequence[Column]) -> str:
    """`name Type, …` as the engine reads it."""
    return ", ".join(f"{quoted(column.name)} {column.type}" for column in columns)


def described(answer: Answer) -> tuple[Column, ...]:
    """The columns in the answer of a DESCRIBE."""
    return tuple(Column(row[0], row[1]) for row in map(orjson.loads, answer.rows.splitlines()))


def first_column(answer: Answer) -> frozenset[str]:
    """The values of an answer's first column."""
    return frozenset(orjson.loads(line)[0] for line in answer.rows.splitlines())


def progress(answer: Answer) -> Progress | None:
    """The answer of `PROGRESS`; `None` when the query does not run."""
    rows, read, total, seconds, cpu, count = orjson.loads(answer.rows)
    return Progress(rows, read, total, seconds, cpu) if count else None
