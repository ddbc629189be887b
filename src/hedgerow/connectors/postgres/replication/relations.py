"""What the log's tables are: their columns with types, looked up in the catalog by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa

from hedgerow.connectors.base import RemoteColumn
from hedgerow.connectors.postgres.catalog import DOMAINS, type_of
from hedgerow.connectors.postgres.replication import values
from hedgerow.connectors.postgres.replication.wire import WireRelation
from hedgerow.connectors.postgres.types import PgType

# The types are those of the message, as the table may have changed since; the rest is of the table as it is now.
_TYPES = f"""
    WITH RECURSIVE {DOMAINS}
    SELECT w.place, format_type(w.type, w.modifier), coalesce(e.typname, t.typname),
           CASE WHEN e.oid IS NULL THEN 0 ELSE greatest(a.attndims, t.typndims, 1) END,
           CASE WHEN w.modifier >= 0 THEN w.modifier ELSE coalesce(l.modifier, -1) END,
           coalesce(a.attnotnull, false),
           coalesce(a.attnotnull OR a.atthasmissing OR a.atthasdef OR a.attidentity <> '', false)
    FROM unnest(%(types)s::oid[], %(modifiers)s::int[], %(names)s::text[]) WITH ORDINALITY
         AS w(type, modifier, name, place)
    LEFT JOIN leaf l ON l.of = w.type
    JOIN pg_type t ON t.oid = coalesce(l.oid, w.type)
    LEFT JOIN leaf el ON el.of = t.typelem
    LEFT JOIN pg_type e ON e.oid = coalesce(el.oid, t.typelem) AND t.typcategory = 'A' AND t.typlen = -1
    LEFT JOIN pg_attribute a ON a.attrelid = %(table)s AND a.attname = w.name AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True)
class PgLogged:
    """Keeps `changes.LoggedTable`."""

    name: str
    number: int
    columns: tuple[RemoteColumn, ...]
    identity: frozenset[str]
    plain: frozenset[str]
    types: dict[str, PgType]

    def arrays(self, names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> list[pa.Array]:
        turned = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return [values.array(name, self.types[name], texts) for name, texts in zip(names, turned, strict=True)]


def logged(connection: psycopg.Connection[Any], relation: WireRelation, name: str) -> PgLogged:
    """A table that the log has just told of, called `name` here."""
    wanted = {
        "types": [column.type for column in relation.columns],
        "modifiers": [column.modifier for column in relation.columns],
        "names": [column.name for column in relation.columns],
        "table": relation.number,
    }
    found = {row[0]: row[1:] for row in connection.execute(_TYPES, wanted).fetchall()}
    types, columns, plain = {}, [], set()
    for place, column in enumerate(relation.columns, 1):
        # A type that was dropped since: its values are text like any other.
        word, base, dimensions, modifier, required, filled = found.get(place, ("text", "text", 0, -1, False, True))
        types[column.name] = kind = type_of(base, dimensions, modifier)
        columns.append(RemoteColumn(column.name, word, kind.arrow, not required))
        if not filled:
            plain.add(column.name)
    identity = frozenset(column.name for column in relation.columns if column.identity)
    return PgLogged(name, relation.number, tuple(columns), identity, frozenset(plain), types)
