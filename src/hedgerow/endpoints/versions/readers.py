"""Endpoints as readers of tables and views: the versions that a run without a number, or with an alias, may answer."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.endpoints.rows import EndpointRow, VersionRow
from hedgerow.endpoints.values import values_of
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery, CompileOptions, compile_query, parse
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk
from hedgerow.queries.readers import Reader

_MOST_KEPT = 20_000


class EndpointReaders:
    """Keeps `queries.readers.Readers`. What a version reads is remembered, as its query never changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, tuple[Mapping[str, Any], frozenset[str]]] = OrderedDict()

    def __call__(self, session: Session, project_id: int) -> list[Reader]:
        rules = (EndpointRow.project_id == project_id, EndpointRow.deleted.is_(False), VersionRow.is_active.is_(True))
        columns = (EndpointRow.id, EndpointRow.name, EndpointRow.current_version, EndpointRow.aliases)
        chosen = select(*columns, VersionRow.id, VersionRow.number).join(
            VersionRow, VersionRow.endpoint_id == EndpointRow.id
        )
        found = session.execute(chosen.where(*rules).order_by(EndpointRow.name, VersionRow.number))
        wanted = [row for row in found if row[5] == row[2] or row[5] in row[3].values()]
        self._learn(session, [row[4] for row in wanted])
        return [self._reader(*row) for row in wanted]

    def _reader(
        self, endpoint_id: UUID, name: str, _current: int, _aliases: object, version_id: UUID, number: int
    ) -> Reader:
        query, reads = self._known[version_id]
        return Reader("endpoint", endpoint_id, name, number, reads, partial(_compiled, query))

    def _learn(self, session: Session, ids: list[UUID]) -> None:
        missing = [version_id for version_id in ids if version_id not in self._known]
        for start in range(0, len(missing), 500):
            part = VersionRow.id.in_(missing[start : start + 500])
            for version_id, query in session.execute(select(VersionRow.id, VersionRow.query).where(part)):
                self._known[version_id] = query, names_read(str(query.get("query", "")))
        while len(self._known) > max(_MOST_KEPT, len(ids)):
            self._known.popitem(last=False)


def names_read(text: str) -> frozenset[str]:
    """The names of tables and views in a query's FROM clauses; those that its own WITH makes are none."""
    try:
        tree = parse(text)
    except InvalidInput:
        return frozenset()
    every = list(walk(tree))
    own = {name for node in every if isinstance(node, nodes.SelectQuery) for name in (node.ctes or {})}
    tables = [node.table for node in every if isinstance(node, nodes.JoinExpr) and node.table_args is None]
    named = (".".join(map(str, table.chain)) for table in tables if isinstance(table, nodes.Field))
    return frozenset(named) - own


def _compiled(query: Mapping[str, Any], catalog: Catalog) -> CompiledQuery:
    return compile_query(query["query"], catalog, CompileOptions(values_of(query), query.get("filters")))
