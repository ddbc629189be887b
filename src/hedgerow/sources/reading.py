"""Reads sources with all that is told of them. Blocking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.jobs import Jobs
from hedgerow.sources import ledger, shapes
from hedgerow.sources.ledger import Chosen
from hedgerow.sources.logs.shelf import LogShelf
from hedgerow.sources.records import RUNNING, Run, Schema, Source
from hedgerow.sources.shapes import Whole
from hedgerow.sources.shelf import Shelf
from hedgerow.store import Store
from hedgerow.store.secrets import SecretUnreadable
from hedgerow.warehouse.records import TableRecord
from hedgerow.warehouse.synced import SyncedTables

_RUNS = 50
RunNow = tuple[Run, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Methods on one thing raise `NotFound`."""

    store: Store
    shelf: Shelf
    synced: SyncedTables
    jobs: Jobs
    logs: LogShelf

    def page(self, project_id: int, search: str, limit: int, offset: int) -> tuple[int, list[Whole]]:
        """How many sources there are, and one page of them."""
        with self.store.read() as session:
            count, sources = self.shelf.page(session, project_id, search, limit, offset)
            return count, self._wholes(session, project_id, sources)

    def get(self, project_id: int, source_id: UUID) -> Whole:
        """One source."""
        with self.store.read() as session:
            return self._wholes(session, project_id, [self.shelf.get(session, project_id, source_id)])[0]

    def connections(self, project_id: int) -> list[Source]:
        """The sources that are queried directly."""
        with self.store.read() as session:
            return self.shelf.connections(session, project_id)

    def types(self, project_id: int) -> dict[str, int]:
        """How many sources of each type there are."""
        with self.store.read() as session:
            found = [source.source_type for source in self.shelf.of_project(session, project_id)]
        return {name: found.count(name) for name in found}

    def runs(self, project_id: int, source_id: UUID, chosen: Chosen) -> tuple[list[RunNow], dict[UUID, Schema]]:
        """A source's runs, newest first, with how far those are that run; and its schemas by id."""
        with self.store.read() as session:
            source = self.shelf.get(session, project_id, source_id)
            runs = ledger.of_source(session, source, chosen, _RUNS)
            schemas = {schema.id: schema for schema in self.shelf.schemas(session, [source])}
            return [(run, self._progress(session, run)) for run in runs], schemas

    def _progress(self, session: Session, run: Run) -> Mapping[str, Any]:
        job = self.jobs.get(session, run.id) if run.status == RUNNING else None
        return (job.progress if job else None) or {}

    def schema(self, project_id: int, schema_id: UUID) -> dict[str, Any]:
        """One schema, as it is answered."""
        with self.store.read() as session:
            return self._told(session, project_id, [self.shelf.schema(session, project_id, schema_id)])[0]

    def schemas(self, project_id: int, limit: int, offset: int) -> tuple[int, list[dict[str, Any]]]:
        """How many schemas there are, and one page of them."""
        with self.store.read() as session:
            count, found = self.shelf.schema_page(session, project_id, limit, offset)
            return count, self._told(session, project_id, found)

    def owned(self, project_id: int, table_ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
        """What synced tables are of, by table: the warehouse's `Owners`."""
        with self.store.read() as session:
            schemas = self.shelf.of_tables(session, project_id, table_ids)
            told = self._told(session, project_id, schemas)
        return {
            table_id: {"external_data_source": shape["source"], "external_schema": {**shape, "source": None}}
            for schema, shape in zip(schemas, told, strict=True)
            for table_id in {schema.table_id, schema.history_id}
            if table_id is not None
        }

    def _told(self, session: Session, project_id: int, schemas: Sequence[Schema]) -> list[dict[str, Any]]:
        sources = self.shelf.by_ids(session, project_id, {schema.source_id for schema in schemas})
        siblings: dict[UUID, list[Schema]] = {}
        for each in self.shelf.schemas(session, list(sources.values())):
            siblings.setdefault(each.source_id, []).append(each)
        tables = self._tables(session, project_id, schemas)
        answer = []
        for schema in schemas:
            source = sources[schema.source_id]
            brief = shapes.brief_source(source, shapes.status(source, siblings.get(source.id, ())))
            answer.append(shapes.schema(schema, tables.get(schema.table_id) if schema.table_id else None, brief))
        return answer

    def _wholes(self, session: Session, project_id: int, sources: Sequence[Source]) -> list[Whole]:
        schemas = self.shelf.schemas(session, sources)
        tables = self._tables(session, project_id, schemas)
        last = ledger.last_completed(session, sources)
        logs = self.logs.by_ids(session, [source.id for source in sources])
        by_source: dict[UUID, list[Schema]] = {}
        for schema in schemas:
            by_source.setdefault(schema.source_id, []).append(schema)
        return [
            Whole(s, by_source.get(s.id, []), self._config(session, s), tables, last.get(s.id), logs.get(s.id))
            for s in sources
        ]

    def _config(self, session: Session, source: Source) -> Mapping[str, Any]:
        try:
            return self.shelf.config(session, source)
        except SecretUnreadable:
            return {}  # whoever has lost the key can still see and delete the source

    def _tables(self, session: Session, project_id: int, schemas: Sequence[Schema]) -> dict[UUID, TableRecord]:
        ids = [schema.table_id for schema in schemas if schema.table_id is not None]
        return self.synced.by_ids(session, project_id, ids) if ids else {}
