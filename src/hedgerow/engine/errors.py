"""What an engine may raise; the message is fit for a caller, the engine's internals are not in it."""

from hedgerow.kit.errors import InvalidInput, Unavailable


class EngineError(InvalidInput):
    """The query is at fault: `code` is the engine's own error name in lower case, such as `unknown_identifier`."""

    code = "engine_error"


class QueryTimeout(EngineError):
    """Ran longer than its limit."""

    code = "query_timeout"
    default_detail = "The query ran longer than it may. Narrow its range, or materialize it."


class QueryMemoryLimit(EngineError):
    """Wanted more memory than its limit."""

    code = "query_memory_limit"
    default_detail = "The query needs more memory than it may use. Read fewer rows or columns."


class QueryTooLarge(EngineError):
    """The text, its tree, or the answer is too large."""

    code = "query_too_large"


class QueryCancelled(EngineError):
    """Stopped on request."""

    code = "query_cancelled"
    default_detail = "The query was cancelled."


class FileUnreadable(EngineError):
    """A file is not of its format, is empty, is not there, or may not be read."""

    code = "file_unreadable"


class EngineUnavailable(Unavailable):
    """No engine answers, or it has no room: try again later."""

    code = "query_capacity"
    default_detail = "The query engine cannot take this query now. Try again in a moment."
