"""Values that a column of a table or view has, for a filter to offer."""

from collections.abc import Iterator
from typing import Any

import orjson

from hedgerow.kit.errors import BareError, InvalidInput
from hedgerow.overview.opening import Overview
from hedgerow.queries.identity import engine_id
from hedgerow.queries.kinds import HogQLQuery, VariableUse
from hedgerow.queries.running import Asked
from hedgerow.views.texts.rewriting import quoted

_MOST = 10


async def question(overview: Overview, project_id: int, table_name: str, key: str, part_of_it: str) -> Asked:
    """The query for values that have a text in them, the shortest first; for any when there is no text.

    Raises `InvalidInput`, and `BareError` 404 for a table that is not there.
    """
    for name, said, given in (("key", "a key", key), ("table_name", "a table name", table_name)):
        if not given:
            raise InvalidInput(f"You must provide {said}", attr=name, code="required")
    table = (await overview.catalogs.fetch(project_id)).tables.get(table_name)
    if table is None:
        raise BareError(404, {"error": "Data warehouse table not found"})
    if key not in {column.name for column in table.columns}:
        raise InvalidInput("The provided key does not exist on this table", attr="key")
    query = HogQLQuery(query=_text(quoted(table_name), quoted(key, whole=True), searched=bool(part_of_it)))
    query.variables = {"search": VariableUse(code_name="search", value=part_of_it)} if part_of_it else None
    seconds = overview.queries.settings.api_query_timeout
    return Asked(project_id, query, engine_id(project_id, None), seconds)


def told(answer: bytes) -> dict[str, Any]:
    """`{"results": [{"name"}], "refreshing"}`, of the answer to the query."""
    values = [value for row in orjson.loads(answer)["results"] for value in _flat(row)]
    return {"results": [{"name": _as_text(value)} for value in values], "refreshing": False}


def _text(table: str, column: str, *, searched: bool) -> str:
    chosen = f"SELECT DISTINCT {column} FROM {table} WHERE isNotNull({column})"
    if searched:
        text = f"toString({column})"
        found = f"positionCaseInsensitiveUTF8({text}, {{variables.search}}) > 0"
        chosen = f"{chosen} AND {found} ORDER BY length({text}), {text}"
    return f"{chosen} LIMIT {_MOST}"


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    elif value is not None:
        yield value


def _as_text(value: Any) -> str:
    if isinstance(value, bool | dict):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return str(value)
