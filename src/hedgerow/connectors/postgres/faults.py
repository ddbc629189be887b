"""PostgreSQL's errors as sentences for whoever set the source up."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from hedgerow.connectors.base import Refused, SourceError, Unreachable

_LIES_IN_WAIT = "The server could not be reached"
# By the words of the client library and of servers that speak English; others are shown as they come.
_CONNECTING: tuple[tuple[str, type[SourceError], str, str | None], ...] = (
    (r"password authentication failed|no password supplied", Refused, "The user or the password is wrong.", "password"),
    (r"role \"[^\"]*\" does not exist", Refused, "The user or the password is wrong.", "user"),
    (r"database \"([^\"]*)\" does not exist", Refused, 'There is no database "{}" on this server.', "database"),
    (r"permission denied for database", Refused, "The user may not connect to this database.", "user"),
    (r"no pg_hba.conf entry|pg_hba.conf rejects", Refused, "The server lets nobody in from this address.", "host"),
    (r"does not support SSL", Refused, "The server offers no TLS, and this source demands it.", "sslmode"),
    (r"certificate|SSL error", Refused, "The server's certificate is not good for this host.", "sslmode"),
    (r"Connection refused", Unreachable, f"{_LIES_IN_WAIT}: nothing listens on this host and port.", "host"),
    (r"timeout|timed out", Unreachable, f"{_LIES_IN_WAIT} in time.", "host"),
    (r"unreachable|No route", Unreachable, f"{_LIES_IN_WAIT}: there is no way to this host.", "host"),
    (
        r"too many (connections|clients)|remaining connection slots",
        Unreachable,
        "The server has no free connection.",
        None,
    ),
    (r"starting up|shutting down|recovery mode", Unreachable, "The server is starting or stopping.", None),
    (
        r"invalid response to SSL|server closed the connection|protocol",
        Refused,
        "This is no PostgreSQL server.",
        "host",
    ),
)
_GONE = re.compile(r"08|57P")
_BUSY = re.compile(r"40|53|55P03|58|25P0[34]")


@contextmanager
def connecting() -> Iterator[None]:
    """Errors of making a connection."""
    try:
        yield
    except psycopg.Error as error:
        raise _of_connecting(str(error)) from error


@contextmanager
def working() -> Iterator[None]:
    """Errors of a statement on a connection that was made."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(f"The user lacks a permission: {_said(error)}.") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise Refused(f"The database has changed: {_said(error)}.", retryable=True) from error
    except psycopg.errors.QueryCanceled as error:
        raise Unreachable(f"The server broke the query off: {_said(error)}.") from error
    except psycopg.Error as error:
        code = error.sqlstate or ""
        if not code or _GONE.match(code):
            raise Unreachable(_lost(error)) from error
        if _BUSY.match(code):  # a deadlock, a conflict on a standby, no memory, no disk
            raise Unreachable(f"The server cannot answer now: {_said(error)}.") from error
        raise Refused(f"The server refused: {_said(error)}.") from error


def _of_connecting(text: str) -> SourceError:
    for pattern, kind, words, field in _CONNECTING:
        found = re.search(pattern, text, re.IGNORECASE)
        if found is not None:
            return kind(words.format(*found.groups()), field=field)
    last = text.strip().splitlines()[-1].rpartition("FATAL:")[2].strip().rstrip(".")
    return Refused(f"The server refused the connection: {last}.")


def _lost(error: psycopg.Error) -> str:
    why = error.diag.message_primary
    return f"The connection to the server was lost{f': {why}' if why else ''}."


def _said(error: psycopg.Error) -> str:
    return (error.diag.message_primary or "no reason given").rstrip(".")
