"""Answers about queries and tables rather than rows: `HogQLMetadata` and `DatabaseSchemaQuery`."""

from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue

from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.kit.settings import Settings
from hedgerow.language.query.catalog import Catalog, FunctionTable, Table, ViewTable
from hedgerow.language.query.pipeline import CompileOptions
from hedgerow.language.query.types import api_type
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.parser import parse_expr, parse_program, parse_select, parse_template
from hedgerow.language.syntax.visitor import walk
from hedgerow.queries.kinds import HogQLQuery, VariableUse
from hedgerow.queries.live import Connections
from hedgerow.queries.running import Asked, check_text, compiled_beside, freshly_made
from hedgerow.warehouse import Catalogs


class HogQLMetadata(BaseModel):
    """Asks whether a text is right, and what it reads."""

    model_config = ConfigDict(extra="ignore")
    kind: Literal["HogQLMetadata"] = "HogQLMetadata"
    language: Literal["hogQL", "hogQLExpr", "hog", "hogTemplate", "hogJson"]
    query: str
    sourceQuery: HogQLQuery | None = None  # noqa: N815  (the API's own name)
    connectionId: str | None = None  # noqa: N815  (the API's own name)
    globals: dict[str, JsonValue] | None = None
    filters: dict[str, JsonValue] | None = None
    variables: dict[str, VariableUse] | None = None


class DatabaseSchemaQuery(BaseModel):
    """Asks what tables there are."""

    model_config = ConfigDict(extra="ignore")
    kind: Literal["DatabaseSchemaQuery"] = "DatabaseSchemaQuery"
    connectionId: str | None = None  # noqa: N815  (the API's own name)


class Inspector:
    """Answers both kinds from a project's catalog."""

    def __init__(self, catalogs: Catalogs, connections: Connections, settings: Settings) -> None:
        self._catalogs, self._connections, self._settings = catalogs, connections, settings

    async def _catalog(self, project_id: int, connection_id: str | None) -> Catalog:
        if connection_id is None:
            return await self._catalogs.fetch(project_id)
        return await self._connections.described(project_id, connection_id)

    async def metadata(self, asked: Asked) -> bytes:
        """`{isValid, errors, warnings, notices, table_names, …}`; positions are offsets in the text."""
        query = asked.query
        if not isinstance(query, HogQLMetadata):
            raise InvalidInput("A HogQLMetadata is needed here.", attr="query__kind")
        check_text(query.query, self._settings)
        errors: list[dict[str, Any]] = []
        tables: list[str] = []
        try:
            tables = await self._read(asked.project_id, query)
        except HedgerowError as error:
            errors.append(
                _notice(error.detail, getattr(error, "start", None), getattr(error, "end", None), query.query)
            )
        answer = {
            "query": query.query,
            "isValid": not errors,
            "errors": errors,
            "warnings": _warnings(query) if not errors else [],
            "notices": [],
            "table_names": tables,
            "isUsingIndices": None,
            "ch_table_names": None,
        }
        return orjson.dumps(answer | freshly_made())

    async def _read(self, project_id: int, query: HogQLMetadata) -> list[str]:
        """The tables the text reads; raises what is wrong with it."""
        if query.language == "hog":
            parse_program(query.query)
        elif query.language in {"hogTemplate", "hogJson"}:
            parse_template(query.query)
        elif query.language == "hogQL":
            values: dict[str, Any] = {use.code_name: use.value for use in (query.variables or {}).values()}
            options = CompileOptions(variables=values, filters=query.filters)
            catalog = await self._catalog(project_id, query.connectionId)
            return list((await compiled_beside(query.query, catalog, options)).tables)
        else:
            parse_expr(query.query)
            source = query.sourceQuery.query if query.sourceQuery else None
            text = f"SELECT {query.query} FROM ({source})" if source else f"SELECT {query.query}"
            if source:
                catalog = await self._catalog(project_id, query.connectionId)
                await compiled_beside(text, catalog, CompileOptions())
        return []

    async def schema(self, asked: Asked) -> bytes:
        """`{tables: {name: {type, id, name, fields, …}}, joins: []}`."""
        chosen = asked.query.connectionId if isinstance(asked.query, DatabaseSchemaQuery) else None
        catalog = await self._catalog(asked.project_id, chosen)
        return orjson.dumps({"tables": _tables(catalog), "joins": []} | freshly_made())


def _tables(catalog: Catalog) -> dict[str, Any]:
    return {name: _table(table) for name, table in sorted(catalog.tables.items())}


def _table(table: Table) -> dict[str, Any]:
    kind = "view" if isinstance(table.backing, ViewTable) else table.kind
    return {
        "type": kind,
        "id": table.id or table.name,
        "name": table.name,
        "fields": {column.name: _field(column.name, column.type) for column in table.columns if not column.hidden},
        "format": table.backing.arguments[-1] if isinstance(table.backing, FunctionTable) else None,
        "url_pattern": table.backing.arguments[0] if isinstance(table.backing, FunctionTable) else None,
        "schema": None,
        "source": dict(table.source) if table.source else None,
        "row_count": None,
    }


def _field(name: str, kind: str) -> dict[str, Any]:
    plain = name.replace("$", "_").isidentifier() and name.isascii()
    return {
        "name": name,
        "hogql_value": name if plain else "`" + name.replace("`", "``") + "`",
        "type": api_type(kind),
        "schema_valid": True,
        "table": None,
        "fields": None,
        "chain": None,
        "id": None,
    }


def _warnings(query: HogQLMetadata) -> list[dict[str, Any]]:
    if query.language != "hogQL":
        return []
    tree = parse_select(query.query)
    found = [
        _notice("A variable inside quotes stays text: write it without them", *node.span, query.query)
        for node in walk(tree)
        if isinstance(node, nodes.Constant)
        and isinstance(node.value, str)
        and "{variables." in node.value
        and node.span
    ]
    if isinstance(tree, nodes.SelectQuery) and tree.limit is None:
        text = "Without a LIMIT at most 100 rows are answered"
        found.append(_notice(text, len(query.query), len(query.query), query.query))
    return found


def _notice(message: str, start: int | None, end: int | None, text: str) -> dict[str, Any]:
    return {
        "message": message,
        "start": 0 if start is None else start,
        "end": len(text) if end is None else end,
        "fix": None,
    }
