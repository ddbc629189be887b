"""The other names of synced tables: `postgres.users` beside `postgres_users`, in every query."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.language.query.catalog import Table
from hedgerow.sources.names import dotted_name
from hedgerow.sources.rows import SchemaRow, SourceRow


def contribute(session: Session, project_id: int, tables: Mapping[str, Table]) -> Mapping[str, Table]:
    """The catalog's contributor: each synced table under its dotted name too; the oldest source comes first."""
    rules = (SchemaRow.project_id == project_id, SchemaRow.table_id.is_not(None), SchemaRow.deleted.is_(False))
    chosen = select(SourceRow.prefix, SourceRow.source_type, SchemaRow)
    joined = chosen.join(SchemaRow, SchemaRow.source_id == SourceRow.id).where(*rules)
    found: dict[str, Table] = {}
    for prefix, source_type, row in session.execute(joined.order_by(SourceRow.id, SchemaRow.id)):
        for stored, remote in _names(row):
            dotted = dotted_name(prefix, source_type, remote)
            if stored in tables and dotted not in tables:
                found.setdefault(dotted, replace(tables[stored], name=dotted))
    return found


def _names(row: SchemaRow) -> Iterator[tuple[str, str]]:
    """What its tables are called, and the remote's names that this is made of."""
    if row.table_id != row.history_id:
        yield row.table_name, row.name
    if row.history_id is not None:
        yield f"{row.table_name}_cdc", f"{row.name}_cdc"
