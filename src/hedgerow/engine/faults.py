"""Turns what ClickHouse says into errors a caller may see: its own error name as the code, no internals in the text."""

import re

from hedgerow.engine.errors import (
    EngineError,
    EngineUnavailable,
    FileUnreadable,
    QueryCancelled,
    QueryMemoryLimit,
    QueryTimeout,
    QueryTooLarge,
)
from hedgerow.kit.errors import HedgerowError, ServerFault

_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{2,})\)\s*(?:\(version [^)]*\))?\s*$")
_PREFIX = re.compile(r"^(?:Streaming query failed: )?(?:Code: \d+\.\s*)?(?:DB::Exception: )+")
_NOISE = (
    re.compile(r"\s*\(version [^)]*\)"),
    re.compile(r"Received from [^ ]+:\d+\.\s*"),
    re.compile(r"\s*In scope .*$", re.DOTALL),
    re.compile(r":? While (?:executing|processing) .*$", re.DOTALL),
    re.compile(r": while (?:executing|processing|converting|reading) .*$", re.DOTALL),
    re.compile(r"\s*Stack trace:.*$", re.DOTALL),
    re.compile(r":? \(?in file/uri [^)]*\)?"),
    re.compile(r"DB::Exception: "),
    re.compile(r"\s*Maybe you meant:? [^.]*\."),
    re.compile(r"\s*You can (?:use|enable|set) [^.]*setting[^.]*\.?"),
)
_PHYSICAL = re.compile(r"`?\bp\d+`?\.`?(?:t_[0-9a-f]{32}[0-9a-zA-Z_]*|[\w]+)`?")

_KINDS: dict[str, type[HedgerowError]] = {
    "TIMEOUT_EXCEEDED": QueryTimeout,
    "TOO_SLOW": QueryTimeout,
    "MEMORY_LIMIT_EXCEEDED": QueryMemoryLimit,
    "QUERY_WAS_CANCELLED": QueryCancelled,
    "QUERY_WAS_CANCELLED_BY_CLIENT": QueryCancelled,
    "TOO_BIG_AST": QueryTooLarge,
    "TOO_DEEP_AST": QueryTooLarge,
    "TOO_DEEP_RECURSION": QueryTooLarge,
    "TOO_MANY_ROWS_OR_BYTES": QueryTooLarge,
    "TOO_MANY_ROWS": QueryTooLarge,
    "TOO_MANY_SIMULTANEOUS_QUERIES": EngineUnavailable,
    "ALL_CONNECTION_TRIES_FAILED": EngineUnavailable,
    "NETWORK_ERROR": EngineUnavailable,
    "SOCKET_TIMEOUT": EngineUnavailable,
}
_OWN_TEXT = (QueryTimeout, QueryMemoryLimit, QueryCancelled, EngineUnavailable)


def fault(message: str) -> HedgerowError:
    """The error for ClickHouse's message `Code: 47. DB::Exception: … (UNKNOWN_IDENTIFIER)`."""
    found = _NAME.search(message.strip().split("\nStack trace")[0].strip())
    name = found[1] if found else ""
    kind = _KINDS.get(name, EngineError)
    if kind in _OWN_TEXT:
        return kind()
    if name in {"NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR"}:
        return EngineUnavailable("The query engine has no disk space left.", code="no_space")
    if name == "LOGICAL_ERROR":
        return ServerFault()
    return kind(readable(message), code=kind.code if kind is not EngineError else name.lower() or None)


def file_fault(message: str) -> HedgerowError:
    """The error for a file that could not be read; texts a person can act on."""
    plain = readable(message)
    lowered = message.lower()
    for needles, text in _FILE_TEXTS:
        if any(needle in lowered for needle in needles):
            return FileUnreadable(text)
    known = fault(message)
    return known if not isinstance(known, EngineError) or known.code in {"query_timeout"} else FileUnreadable(plain)


_FILE_TEXTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("invalidaccesskeyid", "signaturedoesnotmatch", "invalid access key"), "The access key or secret is not valid."),
    (("access denied", "accessdenied", "forbidden", "http response code: 403"), "Access to the file was denied."),
    (("nosuchbucket", "bucket does not exist"), "The bucket does not exist."),
    (
        ("nosuchkey", "key does not exist", "no files", "does not exist", "http response code: 404"),
        "No file was found.",
    ),
    (("file is empty", "empty file", "empty files", "unexpected end of file while parsing"), "The file is empty."),
    (
        ("not a parquet", "parquet magic", "magic bytes", "invalid parquet", "parquet file size"),
        "The file is not a Parquet file.",
    ),
    (
        ("rows have different amount of values", "different number of values", "unexpected number of columns"),
        "The rows of the file do not all have the same number of values.",
    ),
    (
        ("cannot parse input", "cannot parse", "expected end of line", "incorrect data", "cannot_parse"),
        "The file's content does not fit its format.",
    ),
)


def readable(message: str) -> str:
    """The message without codes, hosts, files, physical names and settings."""
    plain = message.strip()
    found = _NAME.search(plain)
    if found:
        plain = plain[: found.start()]
    plain = _PREFIX.sub("", plain)
    for noise in _NOISE:
        plain = noise.sub("", plain)
    return _PHYSICAL.sub("the table", plain).strip(" .:") + "."
