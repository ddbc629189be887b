"""The fixed statements of both engines, and how their answers are read."""

import re
from collections.abc import Sequence

import orjson

from hedgerow.engine.result import Answer, Column, Progress, Query, Size
from hedgerow.kit.values import Bound

_LOCAL = "__local"
_NAME = r"`(?:[^`\\\\]|\\\\.)*`"
_DEED = r"(?:(?:CREATE|DROP|EXCHANGE|ALTER) (?:DATABASE|TABLES?)(?: IF (?:NOT )?EXISTS)?|DELETE FROM)"
_SUBJECT = re.compile(rf"{_DEED} {_NAME}(?:\.{_NAME})?")

# Merges of a few parts in small blocks: a load of 1 GB peaks at 174 MB in place of 294.
_TABLE_SETTINGS = (
    "allow_nullable_key = 1, max_parts_to_merge_at_once = 8, "
    "merge_max_block_size = 2048, max_compress_block_size = 262144"
)
# Numbers that hardly differ from row to row are read three times as fast by their steps, and take next to no space.
_STEPS = re.compile(r"(?:Nullable\()?(?:U?Int(?:16|32|64)|Date32|DateTime64\(\d(?:, '[^']*')?\))\)?")
_BY_STEPS = "CODEC(Delta, LZ4)"
# Others are rid of the bits that none of 64 rows uses: half the space of LZ4 alone, written and read in half the time.
_CROPPED = re.compile(
    rf"{_STEPS.pattern}|(?:Nullable\()?(?:Date|DateTime(?:\('[^']*'\))?|Decimal\((?:\d|1[0-8]), ?\d+\))\)?"
)
_BY_CROPPING = "CODEC(T64, LZ4)"
# A state may be kilobytes: few are read at a time, so that a key's own are not read with thousands of others.
_STATES_SETTINGS = ", index_granularity = 128"
# A key's rows are unpacked with 2,000 others, not with 8,000, in a tenth less of a query's time. Smaller yet, and
# reading all of a column takes longer; and deleting by keys takes a third longer already.
_LOOKED_UP_SETTINGS = ", index_granularity = 2048, min_compress_block_size = 16384"
_HELD = "max_bytes_to_merge_at_max_space_in_pool = 1, min_bytes_for_wide_part = 1073741824"
# Two parts that are alike are merged, not five: to delete by keys takes some 6 ms for each part there is, also for one
# whose rows are all gone. Of tables that are merged within seconds: they are cloned, and the clone begins anew.
SOON_MERGED = 512 << 20
_SOON = f"max_bytes_to_merge_at_max_space_in_pool = {64 << 20}, merge_selector_base = 2"

KILL = "KILL QUERY WHERE Settings['log_comment'] = {tag:String} AND query_kind != 'KillQuery' ASYNC"
KILL_ALL = "KILL QUERY WHERE Settings['log_comment'] != '' ASYNC"
GIVE_BACK = "SYSTEM JEMALLOC PURGE"
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


def create_table(
    database: str, table: str, columns: Sequence[Column], order_by: Sequence[str], *, looked_up: bool = False
) -> str:
    """A MergeTree table; `order_by` may name nullable columns."""
    order = "(" + ", ".join(map(quoted, order_by)) + ")" if order_by else "tuple()"
    states = any(column.type.startswith("AggregateFunction") for column in columns)
    found = _STATES_SETTINGS if states else _LOOKED_UP_SETTINGS if looked_up else ""
    return (
        f"CREATE TABLE {quoted(database)}.{quoted(table)} ({_stored(columns, order_by)}) "
        f"ENGINE = MergeTree ORDER BY {order} SETTINGS {_TABLE_SETTINGS}{found}"
    )


def local_name(table: str) -> str:
    """What the part of a distributed table that lies on one shard is called."""
    return f"{table}{_LOCAL}"


def local_keys(table: str) -> str:
    """What the copy of a distributed table's keys on each shard is called, while rows that match them are deleted."""
    return local_name(f"{table}__keys")


def is_local(table: str) -> bool:
    return table.endswith(_LOCAL)


def create_distributed(database: str, table: str, cluster: str) -> str:
    """A table over the local ones of all shards; rows are spread evenly."""
    local = f"{quoted(database)}.{quoted(local_name(table))}"
    return (
        f"CREATE TABLE {quoted(database)}.{quoted(table)} AS {local} "
        f"ENGINE = Distributed({quoted(cluster)}, {quoted(database)}, {quoted(local_name(table))}, rand())"
    )


def on_cluster(sql: str, cluster: str) -> str:
    """One of this module's statements for every node of a cluster."""
    found = _SUBJECT.match(sql)
    if found is None:
        raise ValueError(f"not a statement for a cluster: {sql[:40]}")
    if sql.startswith("EXCHANGE"):
        return f"{sql} ON CLUSTER {quoted(cluster)}"
    return f"{found[0]} ON CLUSTER {quoted(cluster)}{sql[found.end() :]}"


def create_like(database: str, table: str, source: str) -> str:
    """An empty table with another one's columns, order and settings."""
    return f"CREATE TABLE {quoted(database)}.{quoted(table)} AS {quoted(database)}.{quoted(source)}"


def clone(database: str, table: str, source: str, *, merging: bool) -> str:
    """A new table of another one's making and rows: its files are linked, not copied."""
    home = quoted(database)
    held = "" if merging else f" SETTINGS {_HELD}"
    return f"CREATE TABLE {home}.{quoted(table)} CLONE AS {home}.{quoted(source)}{held}"


def attach_rows(database: str, table: str, source: str) -> str:
    """Append the rows of a table of the same making: its files are linked, not copied."""
    whole = f"{quoted(database)}.{quoted(source)}"
    return f"ALTER TABLE {quoted(database)}.{quoted(table)} ATTACH PARTITION tuple() FROM {whole}"


def hold_merges(database: str, table: str) -> str:
    """Let no parts be merged from now on; deleting goes on, which it does not where merges are stopped.

    What comes meanwhile is kept in few files, not in some for each column: merging parts them.
    """
    return f"ALTER TABLE {quoted(database)}.{quoted(table)} MODIFY SETTING {_HELD}"


def let_merge(database: str, table: str, *others: str) -> str:
    """`others` are settings that go back to what is usual as well."""
    changed = ", ".join(("max_bytes_to_merge_at_max_space_in_pool", "min_bytes_for_wide_part", *others))
    return f"ALTER TABLE {quoted(database)}.{quoted(table)} RESET SETTING {changed}"


def merge_soon(database: str, table: str) -> str:
    """Let a table's parts be merged from now on, with less waiting for more of them."""
    changed = f"{_SOON}, min_bytes_for_wide_part = 10485760"
    return f"ALTER TABLE {quoted(database)}.{quoted(table)} MODIFY SETTING {changed}"


def change_columns(database: str, table: str, added: Sequence[Column], retyped: Sequence[Column]) -> str:
    """New columns, and wider types of those that are there, in one statement."""
    changes = [f"ADD COLUMN {quoted(column.name)} {column.type} {_packing(column)}" for column in added]
    changes += [f"MODIFY COLUMN {quoted(column.name)} {column.type} {_packing(column)}" for column in retyped]
    return f"ALTER TABLE {quoted(database)}.{quoted(table)} {', '.join(changes)}"


def copy_keys(database: str, table: str, keys: str, columns: Sequence[str]) -> str:
    """A new table of the different values of another one's columns."""
    names = ", ".join(map(quoted, columns))
    return (
        f"CREATE TABLE {quoted(database)}.{quoted(table)} ENGINE = MergeTree ORDER BY tuple() "
        f"AS SELECT DISTINCT {names} FROM {quoted(database)}.{quoted(keys)}"
    )


def delete_matching(database: str, table: str, keys: str, columns: Sequence[str]) -> str:
    """Rows whose values of `columns` are in another table. They are masked at once, and gone with the next merge."""
    names = ", ".join(map(quoted, columns))
    found = f"SELECT {names} FROM {quoted(database)}.{quoted(keys)}"
    return f"DELETE FROM {quoted(database)}.{quoted(table)} WHERE ({names}) IN ({found})"


def mask_matching(database: str, table: str, keys: str, columns: Sequence[str]) -> str:
    """As `delete_matching`, in one pass of every part: that one looks through each part first, and then once more."""
    names = ", ".join(map(quoted, columns))
    found = f"SELECT {names} FROM {quoted(database)}.{quoted(keys)}"
    return (
        f"ALTER TABLE {quoted(database)}.{quoted(table)} UPDATE _row_exists = "
        f"if(({names}) IN ({found}), 0, _row_exists) WHERE 1 SETTINGS mutations_sync = 2"
    )


def drop_table(database: str, table: str, *, wait: bool = False) -> str:
    """`wait` until nobody reads it and its space is free; else the server sees to that minutes later."""
    return f"DROP TABLE IF EXISTS {quoted(database)}.{quoted(table)}{' SYNC' if wait else ''}"


def merges(database: str, table: str, *, on: bool) -> str:
    """Let a table's parts be merged in the background, or not."""
    return f"SYSTEM {'START' if on else 'STOP'} MERGES {quoted(database)}.{quoted(table)}"


def merge(database: str, table: str) -> str:
    """Make all parts of a table one, now."""
    return f"OPTIMIZE TABLE {quoted(database)}.{quoted(table)} FINAL"


def insert_query(database: str, table: str, sql: str) -> str:
    return f"INSERT INTO {quoted(database)}.{quoted(table)} {sql}"


def size(database: str, table: str, parts: str = "system.parts") -> Query:
    """Rows, bytes and number of a table's parts; `parts` is where those of all nodes are listed."""
    sql = (
        f"SELECT sum(rows), sum(bytes_on_disk), count() FROM {parts} "
        "WHERE active AND database = {database:String} AND table = {table:String}"
    )
    return Query(sql, {"database": Bound("String", database), "table": Bound("String", table)})


def sized(answer: Answer) -> Size:
    """The answer of `size`."""
    return Size(*orjson.loads(answer.rows))


def merging(database: str, table: str, merges: str = "system.merges") -> Query:
    """How many merges of a table run; `merges` is where those of all nodes are listed."""
    sql = f"SELECT count() FROM {merges} WHERE database = {{database:String}} AND table = {{table:String}}"
    return Query(sql, {"database": Bound("String", database), "table": Bound("String", table)})


def counted(answer: Answer) -> int:
    """The one number of an answer."""
    return int(orjson.loads(answer.rows)[0])


def list_tables(database: str) -> Query:
    sql = "SELECT name FROM system.tables WHERE database = {database:String}"
    return Query(sql, {"database": Bound("String", database)})


def structure(columns: Sequence[Column]) -> str:
    """`name Type, …` as the engine reads it."""
    return ", ".join(f"{quoted(column.name)} {column.type}" for column in columns)


def _stored(columns: Sequence[Column], order_by: Sequence[str]) -> str:
    """`structure`, and how each column is packed."""
    return ", ".join(
        f"{quoted(column.name)} {column.type} {_packing(column, sorted_by=column.name in order_by)}"
        for column in columns
    )


def _packing(column: Column, *, sorted_by: bool = False) -> str:
    """How a column's values are packed: always said, as one that is retyped would keep what does not fit it."""
    if sorted_by and _STEPS.fullmatch(column.type):
        return _BY_STEPS
    return _BY_CROPPING if _CROPPED.fullmatch(column.type) else "CODEC(Default)"


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
