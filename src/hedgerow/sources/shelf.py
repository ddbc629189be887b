"""The shelf of sources and schemas: reads and writes within the caller's transaction, records out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hedgerow.activity import Activity, Change, detail, differences
from hedgerow.kit.errors import NotFound
from hedgerow.sources.records import WAREHOUSE, Schema, Source
from hedgerow.sources.rows import SchemaRow, SourceRow
from hedgerow.store import Secrets

_SCOPE = "ExternalDataSource"
_SOURCE = tuple(field.name for field in fields(Source))
_SCHEMA = tuple(field.name for field in fields(Schema))


class Shelf:
    """Rows of sources and schemas; a source's values leave it decrypted, and only by `config`."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    # --- sources

    def page(self, session: Session, project_id: int, search: str, limit: int, offset: int) -> tuple[int, list[Source]]:
        """How many there are, and one page of them, newest first."""
        rules = [SourceRow.project_id == project_id, SourceRow.deleted.is_(False)]
        for word in search.replace("\x00", "").replace(",", " ").split():
            places = (SourceRow.source_type, SourceRow.prefix, SourceRow.description)
            rules.append(or_(*(place.icontains(word, autoescape=True) for place in places)))
        count = session.scalar(select(func.count()).select_from(SourceRow).where(*rules)) or 0
        chosen = select(SourceRow).where(*rules).order_by(SourceRow.created_at.desc(), SourceRow.id.desc())
        return count, [_source(row) for row in session.scalars(chosen.limit(limit).offset(offset))]

    def of_project(self, session: Session, project_id: int) -> list[Source]:
        """All of a project, oldest first."""
        rules = (SourceRow.project_id == project_id, SourceRow.deleted.is_(False))
        return [_source(row) for row in session.scalars(select(SourceRow).where(*rules).order_by(SourceRow.id))]

    def connections(self, session: Session, project_id: int) -> list[Source]:
        """Those of a project that are queried directly, oldest first."""
        return [source for source in self.of_project(session, project_id) if source.direct]

    def by_ids(self, session: Session, project_id: int, ids: Iterable[UUID]) -> dict[UUID, Source]:
        """Those of a project that are there."""
        rules = (SourceRow.project_id == project_id, SourceRow.id.in_(list(ids)), SourceRow.deleted.is_(False))
        return {row.id: _source(row) for row in session.scalars(select(SourceRow).where(*rules))}

    def get(self, session: Session, project_id: int, source_id: UUID) -> Source:
        """One; raises `NotFound`."""
        return _source(_source_row(session, project_id, source_id))

    def config(self, session: Session, source: Source) -> dict[str, Any]:
        """What a source connects with, in plain text: for connectors alone."""
        return self.opened(session, source)[0]

    def opened(self, session: Session, source: Source) -> tuple[dict[str, Any], str]:
        """As `config`, and a version of it: another one whenever it was written anew, which tells nothing of it."""
        row = _source_row(session, source.project_id, source.id)
        return orjson.loads(self._secrets.decrypt(row.config)), sha256(row.config.encode()).hexdigest()

    def add(self, session: Session, project_id: int, values: Mapping[str, Any], config: Mapping[str, Any]) -> Source:
        """A new one; a clash of prefixes that only the store can see is an `IntegrityError`."""
        row = SourceRow(project_id=project_id, config=self._sealed(config), **values)
        session.add(row)
        session.flush()
        source = _source(row)
        _note(session, "created", source, source.created_by, differences(_SCOPE, {}, _told(source)))
        return source

    def change(
        self,
        session: Session,
        source: Source,
        values: Mapping[str, Any],
        by: int | None,
        config: Mapping[str, Any] | None = None,
    ) -> Source:
        """Set some values, as the wish of the user `by`; raises `NotFound`."""
        row = _source_row(session, source.project_id, source.id)
        before = _told(_source(row))
        for name, value in values.items():
            setattr(row, name, value)
        told = differences(_SCOPE, before, _told(_source(row)))
        if config is not None:
            row.config = self._sealed(config)
            told += differences(_SCOPE, {"job_inputs": "old"}, {"job_inputs": "new"}, masked={"job_inputs"})
        session.flush()
        if told:
            _note(session, "deleted" if row.deleted else "updated", source, by, told)
        return _source(row)

    def delete(self, session: Session, source: Source, by: int | None) -> None:
        """Forget a source and what it connects with."""
        row = _source_row(session, source.project_id, source.id)
        row.deleted, row.config = True, self._sealed({})
        session.flush()
        _note(session, "deleted", source, by, [])

    def _sealed(self, config: Mapping[str, Any]) -> str:
        return self._secrets.encrypt(orjson.dumps(dict(config)).decode())

    # --- schemas

    def add_schema(self, session: Session, source: Source, values: Mapping[str, Any]) -> Schema:
        """A schema of a source."""
        row = SchemaRow(source_id=source.id, project_id=source.project_id, **values)
        session.add(row)
        session.flush()
        return _schema(row)

    def schema(self, session: Session, project_id: int, schema_id: UUID) -> Schema:
        """One; raises `NotFound`."""
        return _schema(_schema_row(session, project_id, schema_id))

    def schemas(self, session: Session, sources: Sequence[Source]) -> list[Schema]:
        """All of those sources, by name."""
        rules = (SchemaRow.source_id.in_([source.id for source in sources]), SchemaRow.deleted.is_(False))
        return [_schema(row) for row in session.scalars(select(SchemaRow).where(*rules).order_by(SchemaRow.name))]

    def named(self, session: Session, source_id: UUID, names: Iterable[str]) -> list[Schema]:
        """Those of a source that are called so."""
        rules = (SchemaRow.source_id == source_id, SchemaRow.name.in_(list(names)), SchemaRow.deleted.is_(False))
        return [_schema(row) for row in session.scalars(select(SchemaRow).where(*rules))]

    def schema_page(self, session: Session, project_id: int, limit: int, offset: int) -> tuple[int, list[Schema]]:
        """How many a project has, and one page of them, newest first."""
        rules = (SchemaRow.project_id == project_id, SchemaRow.deleted.is_(False))
        count = session.scalar(select(func.count()).select_from(SchemaRow).where(*rules)) or 0
        chosen = select(SchemaRow).where(*rules).order_by(SchemaRow.created_at.desc(), SchemaRow.id.desc())
        return count, [_schema(row) for row in session.scalars(chosen.limit(limit).offset(offset))]

    def of_tables(self, session: Session, project_id: int, table_ids: Iterable[UUID]) -> list[Schema]:
        """The schemas that those tables are of."""
        ids = list(table_ids)
        owned = or_(SchemaRow.table_id.in_(ids), SchemaRow.history_id.in_(ids))
        rules = (SchemaRow.project_id == project_id, owned)
        return [_schema(row) for row in session.scalars(select(SchemaRow).where(*rules, SchemaRow.deleted.is_(False)))]

    def deleted_schemas(self, session: Session, source: Source) -> dict[str, UUID]:
        """Schemas of tables that had vanished, newest last, by name."""
        rules = (SchemaRow.source_id == source.id, SchemaRow.deleted.is_(True))
        return {row.name: row.id for row in session.scalars(select(SchemaRow).where(*rules).order_by(SchemaRow.id))}

    def table_names(self, session: Session, project_id: int) -> set[str]:
        """What the tables of all schemas that can be synced are called, whether they are there yet or not."""
        synced = select(SourceRow.id).where(SourceRow.project_id == project_id, SourceRow.access_method == WAREHOUSE)
        rules = (SchemaRow.project_id == project_id, SchemaRow.deleted.is_(False), SchemaRow.source_id.in_(synced))
        return set(session.scalars(select(SchemaRow.table_name).where(*rules)))

    def change_schema(self, session: Session, schema_id: UUID, values: Mapping[str, Any]) -> Schema:
        """Set some values; raises `NotFound` when there is no such row at all."""
        row = session.get(SchemaRow, schema_id, populate_existing=True)
        if row is None:
            raise NotFound()
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return _schema(row)


def _source_row(session: Session, project_id: int, source_id: UUID) -> SourceRow:
    row = session.get(SourceRow, source_id, populate_existing=True)
    if row is None or row.project_id != project_id or row.deleted:
        raise NotFound()
    return row


def _schema_row(session: Session, project_id: int, schema_id: UUID) -> SchemaRow:
    row = session.get(SchemaRow, schema_id, populate_existing=True)
    if row is None or row.project_id != project_id or row.deleted:
        raise NotFound()
    return row


def _source(row: SourceRow) -> Source:
    return Source(**{name: getattr(row, name) for name in _SOURCE})


def _schema(row: SchemaRow) -> Schema:
    return Schema(**{name: getattr(row, name) for name in _SCHEMA})


def _told(source: Source) -> dict[str, Any]:
    names = ("source_type", "prefix", "description", "revenue_enabled", "revenue_invoiceless")
    return {name: getattr(source, name) for name in names}


def _note(session: Session, activity: str, source: Source, by: int | None, changes: list[dict[str, Any]]) -> None:
    told = detail(source.prefix or source.source_type, changes)
    Activity().note(session, Change(source.project_id, by, _SCOPE, str(source.id), activity, told))
