"""A direct source's tables, under the names the remote knows them by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hedgerow.language.query.catalog import Catalog, LiveTable, Table, TableColumn
from hedgerow.sources.records import Schema, Source


def over(catalog: Catalog, source: Source, config: Mapping[str, Any], schemas: Iterable[Schema]) -> Catalog:
    """The project's catalog with the source's chosen tables over it: of two of one name, the source's is meant."""
    found: dict[str, Table] = {}
    for schema in schemas:
        if not schema.should_sync or not (columns := _columns(schema)):
            continue
        for name in _names(source, config, schema.name):
            found.setdefault(name, _table(name, schema, source, columns))
    hidden = {name: catalog.tables[name] for name in found.keys() & catalog.tables.keys()}
    return replace(catalog, tables={**catalog.tables, **found}, hidden=hidden)


def _names(source: Source, config: Mapping[str, Any], name: str) -> Iterator[str]:
    """As the remote tells it, with its schema and without."""
    yield name
    default = "public" if source.source_type == "Postgres" else str(config.get("database") or "")
    schema = str(config.get("schema") or "")
    if source.source_type == "Postgres" and not schema:
        space, dot, bare = name.partition(".")
        if dot and space == default:
            yield bare
    else:
        yield f"{schema or default}.{name}"


def _columns(schema: Schema) -> tuple[TableColumn, ...]:
    """Those that are chosen, and the keys."""
    kept = None if schema.enabled_columns is None else {*schema.enabled_columns, *schema.key}
    names = [column["name"] for column in schema.columns if kept is None or column["name"] in kept]
    return tuple(TableColumn(name, schema.types.get(name, "Nullable(String)")) for name in names)


def _table(name: str, schema: Schema, source: Source, columns: tuple[TableColumn, ...]) -> Table:
    engine = source.source_type.lower()
    told = {"id": str(source.id), "prefix": source.prefix, "source_type": source.source_type, "status": source.status}
    return Table(name, LiveTable(schema.name), columns, id=str(schema.id), kind=f"direct_{engine}", source=told)
