"""Saved queries as tables of the catalog: only what has changed is read, and only what is used is parsed."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
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
    """A project's views as tables, by id and by name, and the last change that is in them."""

    sequence: int = 0
    tables: dict[UUID, Table] = field(default_factory=dict)
    named: dict[str, Table] = field(default_factory=dict)


class ViewMemory:
    """The catalog's contributor."""

    def __init__(self) -> None:
        self._projects: dict[int, _Known] = {}
        self._lock = threading.Lock()

    def contribute(self, session: Session, project_id: int, tables: Mapping[str, Table]) -> Mapping[str, Table]:
        """All views of a project, and those tables that a saved join leaves from, with it."""
        with self._lock:
            known = self._projects.setdefault(project_id, _Known())
            _catch_up(session, project_id, known)
            views = known.named.copy()
        return views | _joined(session, project_id, lambda name: views.get(name) or tables.get(name))


def lazily(text: str) -> Callable[[], nodes.AnySelect]:
    """What parses a view when it is first read."""
    return lambda: parse(text)


def _catch_up(session: Session, project_id: int, known: _Known) -> None:
    chosen = select(*_COLUMNS, ViewRow.sequence).where(
        ViewRow.project_id == project_id, ViewRow.sequence > known.sequence
    )
    changed = session.execute(chosen).all()
    # All old names go before any new one comes: two views may have changed names with each other.
    for row in changed:
        old = known.tables.pop(row.id, None)
        if old is not None:
            del known.named[old.name]
    for row in changed:
        known.sequence = max(known.sequence, row.sequence)
        if not row.deleted:
            known.tables[row.id] = known.named[row.name] = _table(project_id, row)


def _table(project_id: int, row: Row[Any]) -> Table:
    shown = tuple(TableColumn(c["name"], c["clickhouse"], c["name"]) for c in row.columns)
    served = PhysicalTable(database(project_id), row.physical) if row.physical else None
    backing = served or ViewTable(lazily(str(row.query.get("query", ""))))
    return Table(row.name, backing, shown, id=str(row.id), kind=KIND)


def _joined(session: Session, project_id: int, find: Callable[[str], Table | None]) -> dict[str, Table]:
    joins: dict[str, list[SavedJoin]] = {}
    rules = (LinkRow.project_id == project_id, LinkRow.deleted.is_(False))
    for row in session.scalars(select(LinkRow).where(*rules).order_by(LinkRow.created_at)):
        join = SavedJoin(row.field_name, row.joining_table_name, row.source_table_key, row.joining_table_key)
        joins.setdefault(row.source_table_name, []).append(join)
    left = ((name, find(name), tuple(found)) for name, found in joins.items())
    return {name: replace(table, joins=found) for name, table, found in left if table is not None}
