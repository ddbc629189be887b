"""Linked tables: files in somebody's bucket, read in place. Their addresses, and the columns found in them."""

import asyncio
import re

from hedgerow.engine.base import Bound, Engine, Limits, Query
from hedgerow.engine.errors import EngineError, EngineUnavailable, FileUnreadable
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.outgoing import OutgoingGuard, Refused
from hedgerow.language.query.catalog import FunctionTable
from hedgerow.warehouse.catalog import Address, reading
from hedgerow.warehouse.formats import LAKES
from hedgerow.warehouse.records import KeptColumn, Keys
from hedgerow.warehouse.types import kept
from hedgerow.warehouse.wording import field_of, words

_LIMITS = Limits(seconds=30.0)
_WAITS = (0.2, 0.8)
# Hosts whose first label is the bucket; elsewhere the path's first part is.
_BUCKET_IN_HOST = re.compile(r"[^.]+\.(s3|cos|obs|oss|eos)[.-].+|.+\.s3[.-].+|[^.]+\.r2\..+")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_UNCONNECTED = re.compile(
    r"connection refused|timeout|timed out|network is unreachable|no route|reset by peer|SSL", re.I
)


class LinkedTables:
    """Checks addresses and reads what is behind them."""

    def __init__(self, engine: Engine, guard: OutgoingGuard) -> None:
        self._engine, self._guard = engine, guard

    def check_url(self, url: str) -> None:
        """Raises `InvalidInput` for an address that may not be read. Blocking: it resolves the host."""
        try:
            parts = self._guard.check(url)
        except Refused as refused:
            raise InvalidInput(f"URL pattern {refused.refusal.value}", attr="url_pattern") from None
        if parts.fragment or "#" in url:
            raise InvalidInput("URL pattern must not contain a fragment.", attr="url_pattern")
        bucket, _, key = parts.path.lstrip("/").partition("/")
        if _BUCKET_IN_HOST.fullmatch(parts.hostname or ""):
            if not bucket:
                raise InvalidInput("URL pattern must name a file or folder in the bucket.", attr="url_pattern")
        elif not _BUCKET.fullmatch(bucket):
            raise InvalidInput(
                "URL pattern must name a bucket without wildcards or percent-encoding.", attr="url_pattern"
            )
        elif not key:
            raise InvalidInput("URL pattern must name a file or folder in the bucket.", attr="url_pattern")

    async def detect(self, address: Address, keys: Keys) -> tuple[KeptColumn, ...]:
        """The columns of the files behind an address; raises `InvalidInput` with what is wrong with them."""
        found = await self._patiently(_select(reading(address, keys)), address.format)
        if not found:
            raise InvalidInput("The file has no columns.", attr="url_pattern")
        return found

    async def fits(self, table: FunctionTable, column: str) -> bool:
        """Whether a column's values can be read with the type the table gives it."""
        query = _select(table, "count({column:Identifier})")
        try:
            parameters = {**query.parameters, "column": Bound("Identifier", column)}
            await self._engine.run(Query(query.sql, parameters, _LIMITS))
        except EngineError:
            return False
        return True

    async def _patiently(self, query: Query, file_format: str) -> tuple[KeptColumn, ...]:
        for wait in (*_WAITS, None):
            try:
                return kept(await self._engine.describe(query))
            except EngineUnavailable as error:
                if wait is None:
                    raise InvalidInput("The storage could not be reached.", attr="url_pattern") from error
                await asyncio.sleep(wait)
            except EngineError as error:
                text = words(error, of_storage=True)
                if file_format in LAKES and text.startswith("No file"):
                    text = f"No {LAKES[file_format][1]} table was found."
                raise InvalidInput(text, attr=field_of(text), code=FileUnreadable.code) from error
        raise AssertionError("unreachable")


def _select(table: FunctionTable, what: str = "*") -> Query:
    """A query over a table function, every argument bound."""
    values = [*table.arguments, *([table.structure] if table.structure else [])]
    parameters = {f"argument_{number}": Bound("String", value) for number, value in enumerate(values)}
    arguments = ", ".join(f"{{{name}:String}}" for name in parameters)
    settings = {} if table.double_quotes else {"format_csv_allow_double_quotes": 0}
    return Query(f"SELECT {what} FROM {table.function}({arguments})", parameters, _LIMITS, settings=settings)
