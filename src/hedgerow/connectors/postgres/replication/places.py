"""Slots and publications: what is missing, made with care, and dropped."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from hedgerow.connectors.base import Refused
from hedgerow.connectors.changes import Logging, LogPlace, LogState
from hedgerow.connectors.postgres.catalog import PgTable
from hedgerow.connectors.postgres.faults import working
from hedgerow.connectors.postgres.replication.wire import lsn_of

_OLDEST = 130_000
_DROP_SECONDS = 10.0
_SERVER = """
    SELECT current_setting('server_version_num')::int, current_setting('wal_level'), pg_is_in_recovery(),
           r.rolsuper OR r.rolreplication
             OR coalesce((SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = 'rds_replication'), false),
           current_setting('max_replication_slots')::int, (SELECT count(*) FROM pg_replication_slots),
           EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = %s),
           has_database_privilege(current_database(), 'CREATE')
    FROM pg_roles r WHERE r.rolname = current_user
"""
_SLOT = """
    SELECT s.plugin, s.database = current_database(), coalesce(s.wal_status, 'lost'), s.confirmed_flush_lsn::text,
           CASE WHEN pg_is_in_recovery() THEN NULL
                ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint END
    FROM pg_replication_slots s WHERE s.slot_name = %s
"""
_PUBLICATION = "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM pg_publication WHERE pubname = %s"
_LISTED = """
    SELECT n.nspname, c.relname, c.oid FROM pg_publication_tables p
    JOIN pg_namespace n ON n.nspname = p.schemaname
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename WHERE p.pubname = %s
"""
# What rows are told by: all columns, those of a chosen index, or those of the primary key.
_TABLE = """
    SELECT c.relkind, pg_has_role(c.relowner, 'USAGE'),
           array(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
           array(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (c.relreplident = 'f' OR EXISTS (
                   SELECT FROM pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY(i.indkey::int2[])
                     AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s
"""
_FILTERED = """
    SELECT p.attnames::text[], p.rowfilter IS NOT NULL FROM pg_publication_tables p
    WHERE p.pubname = %s AND p.schemaname = %s AND p.tablename = %s
"""


def state(connection: psycopg.Connection[Any], place: LogPlace) -> LogState:
    """What there is of a place."""
    with working():
        slot = connection.execute(_SLOT, [place.slot]).fetchone()
        publication = connection.execute(_PUBLICATION, [place.publication]).fetchone()
    if slot is None:
        return LogState(False, publication is not None, False, None, None)
    usable = slot[0] == "pgoutput" and slot[1] and slot[2] != "lost" and slot[3] is not None
    return LogState(True, publication is not None, usable, lsn_of(slot[3]) if slot[3] else None, slot[4])


def faults(connection: psycopg.Connection[Any], place: LogPlace) -> list[str]:
    """What the server and the place lack; of a server that cannot do it at all, that alone."""
    with working():
        found = connection.execute(_SERVER, [place.slot]).fetchone()
    assert found is not None
    version, level, standby, may, most, slots, ours, creates = found
    if version < _OLDEST:
        return [f"Change data capture needs PostgreSQL 13 or newer; this server is {version // 10_000}."]
    told = []
    if level != "logical":
        told.append(f"wal_level is {level}. Set wal_level = logical, and restart the server.")
    if standby:
        told.append("This server is a standby. Changes are read from the primary.")
    if not may:
        told.append("The user may not replicate. Run: ALTER ROLE … REPLICATION.")
    if not ours and slots >= most:
        told.append(f"All {most} replication slots are in use. Raise max_replication_slots, or drop one.")
    if place.managed and not creates:
        told.append("The user may not create a publication. Run: GRANT CREATE ON DATABASE …, or manage it yourself.")
    return told + ([] if place.managed else _faults_of_theirs(connection, place))


def _faults_of_theirs(connection: psycopg.Connection[Any], place: LogPlace) -> list[str]:
    """Faults of a slot and a publication that are not ours to make."""
    told, found = [], state(connection, place)
    if not found.publication_exists:
        told.append(f'There is no publication "{place.publication}". Run: CREATE PUBLICATION … FOR TABLE ….')
    elif not connection.execute(_PUBLICATION, [place.publication]).fetchone()[0]:  # type: ignore[index]
        told.append(f'The publication "{place.publication}" must publish insert, update, delete and truncate.')
    if not found.slot_exists:
        how = "SELECT pg_create_logical_replication_slot('…', 'pgoutput')"
        told.append(f'There is no replication slot "{place.slot}". Run: {how}, after the publication was made.')
    elif not found.usable:
        told.append(f'The replication slot "{place.slot}" is lost, of another database, or not of pgoutput.')
    return told


def table_faults(connection: psycopg.Connection[Any], place: LogPlace, table: PgTable) -> list[str]:
    """What a table lacks; a table without an identity must never be published, as it could not be changed then."""
    with working():
        row = connection.execute(_TABLE, [table.schema, table.name]).fetchone()
    shown = table.remote.name
    if row is None or row[0] not in ("r", "p"):
        return [f"{shown} is no table. Views and foreign tables have no log of changes."]
    told = []
    if not row[3]:
        told.append(f"Table {shown} has no primary key. Give it one, or set its REPLICA IDENTITY.")
    if place.managed and not row[1] and (table.schema, table.name) not in _members(connection, place):
        told.append(f"The user does not own table {shown}, so it cannot publish it. Manage the publication yourself.")
    return told


def alone(connection: psycopg.Connection[Any], place: LogPlace) -> None:
    """Wait until nobody else makes or drops anything of this place; it is ours until the connection is closed."""
    with working():
        connection.execute("SELECT pg_advisory_lock(hashtextextended('hedgerow ' || %s, 0))", [place.slot])


def open_place(connection: psycopg.Connection[Any], place: LogPlace) -> int:
    """Make what is missing; the publication first, as a slot knows only what was there when a change was made."""
    found = state(connection, place)
    if place.managed:
        with working():
            if not found.publication_exists:
                made = sql.SQL("CREATE PUBLICATION {} WITH (publish_via_partition_root = true)")
                connection.execute(made.format(sql.Identifier(place.publication)))
            if found.slot_exists and not found.usable:
                _drop_slot(connection, place)
            if not found.usable:
                connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [place.slot])
        found = state(connection, place)
    if not found.usable or not found.publication_exists or found.confirmed is None:
        raise Refused(f'The replication slot "{place.slot}" or the publication "{place.publication}" is not there.')
    return found.confirmed


def include(connection: psycopg.Connection[Any], place: LogPlace, table: PgTable) -> Logging:
    """Publish a table, and wait until nobody is at work who began before that."""
    if told := table_faults(connection, place, table):
        raise Refused(" ".join(told))
    with working():
        if place.managed and (table.schema, table.name) not in _members(connection, place):
            names = sql.Identifier(place.publication), sql.Identifier(table.schema, table.name)
            connection.execute(sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(*names))
        if (table.schema, table.name) not in _members(connection, place):
            raise Refused(f'The publication "{place.publication}" does not publish table {table.remote.name}.')
        row = connection.execute(_TABLE, [table.schema, table.name]).fetchone()
        assert row is not None
        columns = set(row[2])
        if connection.info.server_version >= 150_000:
            columns &= _published(connection, place, table)
        _await_older(connection)
    return Logging(frozenset(columns), frozenset(row[3]))


def _published(connection: psycopg.Connection[Any], place: LogPlace, table: PgTable) -> set[str]:
    found = connection.execute(_FILTERED, [place.publication, table.schema, table.name]).fetchone()
    if found is None:
        raise Refused(f'The publication "{place.publication}" does not publish table {table.remote.name}.')
    if found[1]:
        raise Refused(f'The publication "{place.publication}" publishes only some rows of {table.remote.name}.')
    return set(found[0])


def _await_older(connection: psycopg.Connection[Any]) -> None:
    """A transaction that changed a table before it was published leaves those changes out of the log."""
    high = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone()
    while True:
        done = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::text::xid8"
        if connection.execute(done, [str(high[0]) if high else "0"]).fetchone() == (True,):
            return
        time.sleep(0.1)


def _members(connection: psycopg.Connection[Any], place: LogPlace) -> dict[tuple[str, str], int]:
    with working():
        return {(row[0], row[1]): row[2] for row in connection.execute(_LISTED, [place.publication]).fetchall()}


def logged(connection: psycopg.Connection[Any], place: LogPlace, schema: str | None) -> dict[str, int]:
    """What a publication publishes, as sources call it."""
    found = _members(connection, place).items()
    return {name if schema else f"{space}.{name}": oid for (space, name), oid in found if schema in (None, space)}


def close_place(connection: psycopg.Connection[Any], place: LogPlace, schema: str | None, keep: Sequence[str]) -> None:
    """Drop the slot and the publication, or let go of the tables that are not kept."""
    publication = sql.Identifier(place.publication)
    with working():
        if not keep:
            _drop_slot(connection, place)
            connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(publication))
            return
        for (space, name), _ in _members(connection, place).items():
            if (name if schema else f"{space}.{name}") not in keep:
                names = publication, sql.Identifier(space, name)
                connection.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(*names))


def advance(connection: psycopg.Connection[Any], place: LogPlace) -> None:
    """Let the server forget what a slot has kept; not where somebody reads it, who does that."""
    with working():
        if not state(connection, place).usable:
            return
        with suppress(psycopg.errors.ObjectInUse):
            connection.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", [place.slot])


def _drop_slot(connection: psycopg.Connection[Any], place: LogPlace) -> None:
    end = time.monotonic() + _DROP_SECONDS
    while True:
        row = connection.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", [place.slot])
        found = row.fetchone()
        if found is None:
            return
        try:
            if found[0] is not None:  # a reader of ours that the server has not missed yet
                connection.execute("SELECT pg_terminate_backend(%s)", [found[0]])
            connection.execute("SELECT pg_drop_replication_slot(%s)", [place.slot])
            return
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
