"""Whether a view's table can be made bit by bit, by which columns, and if not, why."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hedgerow.engine.base import Column
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery, Increments, find_increments
from hedgerow.language.query.types import bare
from hedgerow.views.records import Incremental
from hedgerow.views.texts.preparing import Preparation, checked, compiled_text
from hedgerow.warehouse.catalog import Catalogs

WHOLE_NUMBERS = frozenset(f"{sign}Int{size}" for sign in ("", "U") for size in (8, 16, 32, 64))
DATES = frozenset({"Date", "Date32"})
_NO_KEYS = ("Float", "Array", "Map", "Tuple", "JSON")
_MOVES = "It asks the clock or chance: rows made earlier would be others now."


@dataclass(frozen=True, slots=True)
class Report:
    """Columns that can be the key, by the engine's type; those a unique key is made of; why not, and what to expect."""

    keys: Mapping[str, str]
    tables: Mapping[str, frozenset[str]]
    unique: tuple[str, ...]
    grouped: tuple[str, ...]
    blockers: tuple[str, ...]
    warnings: tuple[str, ...]

    def told(self) -> dict[str, Any]:
        """As the route answers it."""
        return {
            "eligible": bool(self.keys) and not self.blockers,
            "key_candidates": list(self.keys),
            "unique_key_candidates": list(self.unique),
            "key_candidate_types": dict(self.keys),
            "blockers": list(self.blockers),
            "warnings": list(self.warnings),
        }

    def check(self, wish: Incremental) -> None:
        """Raises `InvalidInput` with the field when a table cannot be made so."""
        if self.blockers:
            raise InvalidInput(f"It cannot be incremental. {' '.join(self.blockers)}", attr="incremental")
        if wish.incremental_key not in self.keys:
            named = ", ".join(self.keys)
            text = f'"{wish.incremental_key}" cannot be the incremental key. These can: {named}.'
            raise InvalidInput(text, attr="incremental__incremental_key")
        for name in wish.unique_key:
            if name not in self.unique:
                text = f'"{name}" cannot be part of the unique key: {", ".join(self.unique)} can.'
                raise InvalidInput(text, attr="incremental__unique_key")
        missing = [name for name in self.grouped if wish.unique_key and name not in wish.unique_key]
        if missing:
            text = f"The unique key has to have every column that it is grouped by: {', '.join(missing)} is missing."
            raise InvalidInput(text, attr="incremental__unique_key")


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Looks at texts; nothing is kept."""

    preparation: Preparation
    catalogs: Catalogs

    async def report(self, project_id: int, text: str) -> Report:
        """What can be made of a text; raises `InvalidInput` for one that cannot be a view."""
        catalog = await self.catalogs.fetch(project_id)
        compiled = await asyncio.to_thread(compiled_text, text, catalog)
        columns = await self.preparation.described(compiled)
        return await asyncio.to_thread(report, text, catalog, compiled, columns)

    async def check(self, project_id: int, text: str, wish: Incremental) -> None:
        """Raises `InvalidInput` with the field when that text's table cannot be made so."""
        (await self.report(project_id, text)).check(wish)


def report(text: str, catalog: Catalog, compiled: CompiledQuery, columns: tuple[Column, ...]) -> Report:
    """The same from what is known of the text."""
    found = find_increments(checked(text), catalog)
    types = {column.name: column.type for column in columns}
    fitting = {name: types[name] for name in found.keys if name in types and is_key_type(types[name])}
    blockers = list(found.blockers) if compiled.repeatable() else [*found.blockers, _MOVES]
    if not fitting and not blockers:
        among = "the columns that it is grouped by" if found.grouped else "the columns that could be the key"
        blockers.append(f"None of {among} ({', '.join(found.keys)}) is a date, a time or a whole number.")
    telling = (name for name, kind in types.items() if not bare(kind).startswith(_NO_KEYS))
    unique = found.grouped or tuple(telling)
    return Report(fitting if not blockers else {}, found.keys, unique, found.grouped, tuple(blockers), _told(found))


def is_key_type(kind: str) -> bool:
    """Whether values of an engine's type have an order and a step."""
    plain = bare(kind)
    return plain in WHOLE_NUMBERS or plain in DATES or plain.startswith("DateTime")


def _told(found: Increments) -> tuple[str, ...]:
    return () if found.blockers else found.warnings
