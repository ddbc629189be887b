"""Structured logs: one line an event, on standard error, as JSON or for people."""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Literal

import orjson
import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered; empty outside of one."""

# Without local variables: keys and values of callers would be among them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

Format = Literal["auto", "json", "console"]


def configure(level: str, log_format: Format = "auto") -> None:
    """Set up this process's logs, those of the libraries included. `auto`: for people when on a terminal."""
    number = logging.getLevelNamesMapping()[level.upper()]
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _with_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = [_TRACEBACKS, structlog.processors.JSONRenderer(serializer=_json)] if as_json else [_for_people()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=True,
    )
    _take_over_libraries(number, shared, last)


def _for_people() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


class _StandardError:
    """Writes a line to what standard error is at that moment, in one piece."""

    def msg(self, line: str) -> None:
        with suppress(OSError):  # a full disk of logs is no reason to refuse what was asked for
            sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = log = msg


def _take_over_libraries(level: int, shared: list[Any], last: list[Any]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    handler.set_name("hedgerow")
    for old in [each for each in root.handlers if each.get_name() == "hedgerow"]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Libraries say little that matters below a warning, and some of them say queries.
    root.setLevel(max(level, logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _with_request_id(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if identifier := request_id.get():
        event["request_id"] = identifier
    return event


def _json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()
