"""MySQL's errors as sentences for whoever set the source up."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql

from hedgerow.connectors.base import Refused, SourceError, Unreachable

_WRONG_LOGIN = "The user or the password is wrong."
# By the server's numbers, which are the same in every language; 2xxx are the client's.
_CONNECTING: dict[int, tuple[type[SourceError], str, str | None]] = {
    1040: (Unreachable, "The server has no free connection.", None),
    1044: (Refused, "The user may not read this database.", "database"),
    1045: (Refused, _WRONG_LOGIN, "password"),
    1049: (Refused, "There is no such database on this server.", "database"),
    1053: (Unreachable, "The server is stopping.", None),
    1129: (Unreachable, "The server lets nobody in from this address for now.", "host"),
    1130: (Refused, "The server lets nobody in from this address.", "host"),
    1203: (Unreachable, "The user has no free connection.", None),
    1226: (Unreachable, "The user has no free connection.", None),
    1698: (Refused, _WRONG_LOGIN, "password"),
    2013: (Unreachable, "The connection to the server was lost.", None),
    2026: (Refused, "The server offers no TLS, and this source demands it.", "using_ssl"),
}
_PERMISSIONS = {1044, 1142, 1143, 1227, 1370}
_CHANGED = {1054, 1146, 1356, 1412}
_STOPPED = {1053, 1317, 1927, 1969, 3024}
_BUSY = {1021, 1037, 1041, 1135, 1158, 1159, 1160, 1161, 1205, 1213}


@contextmanager
def connecting() -> Iterator[None]:
    """Errors of making a connection."""
    try:
        yield
    except (pymysql.Error, OSError) as error:
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
            raise Refused("The server's certificate is not good for this host.", field="verify_certificate") from error
        kind, words, field = _CONNECTING.get(
            _code(error), (Refused, f"The server refused the connection: {_said(error)}.", None)
        )
        raise kind(words, field=field) from error
    except (
        AssertionError,
        IndexError,
        ValueError,
        TypeError,
        struct.error,
    ) as error:
        raise Refused("This is no MySQL server.", field="host") from error


@contextmanager
def working() -> Iterator[None]:
    """Errors of a statement on a connection that was made."""
    try:
        yield
    except pymysql.Error as error:
        code = _code(error)
        if code in _PERMISSIONS:
            raise Refused(f"The user lacks a permission: {_said(error)}.") from error
        if code in _CHANGED:
            raise Refused(f"The database has changed: {_said(error)}.", retryable=True) from error
        if code in _STOPPED:
            raise Unreachable(f"The server broke the query off: {_said(error)}.") from error
        if code in _BUSY:  # a deadlock, no memory, no disk
            raise Unreachable(f"The server cannot answer now: {_said(error)}.") from error
        if not 1000 <= code < 2000 and not 3000 <= code < 5000:
            raise Unreachable("The connection to the server was lost.") from error
        raise Refused(f"The server refused: {_said(error)}.") from error
    except RuntimeError as error:  # it asked for a file of ours
        raise Refused("This server does what no MySQL server should.", field="host") from error


def _code(error: BaseException) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _said(error: BaseException) -> str:
    return (str(error.args[1]) if len(error.args) > 1 else str(error)).strip().rstrip(".")
