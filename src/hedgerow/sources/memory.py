"""The other names of synced tables: `postgres.users` beside `postgres_users`, in every query."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.language.query.catalog import Table
from hedgerow.sources.names import dotted_name
from hedgerow.sources.rows import SchemaRow, SourceRow


def contribute(session: Session, project_id: int, tables: Mapping[str, Table]) -> Iterable[Table]:
    """The catalog's contributor: each synced table under its dotted name too; the oldest source comes first."""
    rules = (SchemaRow.project_id == project_id, SchemaRow.table_id.is_not(None), SchemaRow.deleted.is_(False))
    chosen = select(SourceRow.prefix, SourceRow.source_type, SchemaRow.name, SchemaRow.table_name)
    joined = chosen.join(SchemaRow, SchemaRow.source_id == SourceRow.id).where(*rules)
    found: dict[str, Table] = {}
    for prefix, source_type, name, table_name in session.execute(joined.order_by(SourceRow.id, SchemaRow.id)):
        dotted = dotted_name(prefix, source_type, name)
        if table_name in tables and dotted not in tables:
            found.setdefault(dotted, replace(tables[table_name], name=dotted))
    return found.values()
