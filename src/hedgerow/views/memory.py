"""Saved queries as tables of the catalog: only what has changed is read, and only what is used is parsed."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.language.query.catalog import PhysicalTable, SavedJoin, Table, TableColumn, ViewTable
from hedgerow.language.query.pipeline import parse
from hedgerow.language.syntax import nodes
from hedgerow.views.rows import LinkRow, ViewRow
from hedgerow.warehouse.catalog import database

KIND = "view"
_COLUMNS = (ViewRow.id, ViewRow.name, ViewRow.deleted, ViewRow.query, ViewRow.columns, ViewRow.physical)


@dataclass(slots=True)
class _Known:
    """A project's views as tables, and the last change that is in them."""

    sequence: int = 0
    tables: dict[UUID, Table] = field(default_factory=dict)


class ViewMemory:
    """The catalog's contributor."""

    def __init__(self) -> None:
        self._projects: dict[int, _Known] = {}
        self._lock = threading.Lock()

    def contribute(self, session: Session, project_id: int, tables: Mapping[str, Table]) -> Iterable[Table]:
        """All views of a project, and those tables that a saved join leaves from, with it."""
        with self._lock:
            known = self._projects.setdefault(project_id, _Known())
            _catch_up(session, project_id, known)
            views = {table.name: table for table in known.tables.values()}
        return {**views, **_joined(session, project_id, {**tables, **views})}.values()


def lazily(text: str) -> Callable[[], nodes.AnySelect]:
    """What parses a view when it is first read."""
    return lambda: parse(text)


def _catch_up(session: Session, project_id: int, known: _Known) -> None:
    chosen = select(*_COLUMNS, ViewRow.sequence).where(
        ViewRow.project_id == project_id, ViewRow.sequence > known.sequence
    )
    for view_id, name, deleted, query, columns, physical, sequence in session.execute(chosen):
        known.sequence = max(known.sequence, sequence)
        if deleted:
            known.tables.pop(view_id, None)
            continue
        shown = tuple(TableColumn(c["name"], c["clickhouse"], c["name"]) for c in columns)
        served = PhysicalTable(database(project_id), physical) if physical else None
        backing = served or ViewTable(lazily(str(query.get("query", ""))))
        known.tables[view_id] = Table(name, backing, shown, id=str(view_id), kind=KIND)


def _joined(session: Session, project_id: int, tables: Mapping[str, Table]) -> dict[str, Table]:
    joins: dict[str, list[SavedJoin]] = {}
    rules = (LinkRow.project_id == project_id, LinkRow.deleted.is_(False))
    for row in session.scalars(select(LinkRow).where(*rules).order_by(LinkRow.created_at)):
        join = SavedJoin(row.field_name, row.joining_table_name, row.source_table_key, row.joining_table_key)
        joins.setdefault(row.source_table_name, []).append(join)
    return {name: replace(tables[name], joins=tuple(found)) for name, found in joins.items() if name in tables}
