"""Gives the readers of a renamed view a text with its new name, and makes sure that they still say the same."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.catalog import Catalog, PhysicalTable
from hedgerow.language.query.passes.resolve import resolve
from hedgerow.language.query.resolved import TableRef
from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.visitor import walk
from hedgerow.store import Store
from hedgerow.views import lineage, shelf
from hedgerow.views.records import View
from hedgerow.views.texts.preparing import Preparation, checked, compiled_text, overlaid
from hedgerow.warehouse.catalog import Catalogs

_MARK = "rewriting"
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Works on texts only; whoever renames writes them, in the transaction of the rename."""

    store: Store
    catalogs: Catalogs
    preparation: Preparation

    async def texts(self, view: View, name: str, own_text: str) -> dict[UUID, str]:
        """The new text of each view that reads `view`; raises `InvalidInput` when one cannot be given one."""
        catalog = await self.catalogs.fetch(view.project_id)
        readers = await asyncio.to_thread(self._readers, view)
        after = overlaid(catalog, {name: checked(own_text)})
        after = replace(after, tables={each: table for each, table in after.tables.items() if each != view.name})
        return {reader.id: await self._text(reader, view.name, name, catalog, after) for reader in readers}

    async def _text(self, reader: View, old: str, new: str, before: Catalog, after: Catalog) -> str:
        """The first way of writing it that has the columns and the origins that it had."""
        said = await asyncio.to_thread(compiled_text, reader.text, before)
        columns = await self.preparation.described(said)
        for text in renamed(reader.text, old, new, before):
            try:
                compiled = await asyncio.to_thread(compiled_text, text, after)
                found = await self.preparation.described(compiled)
            except InvalidInput:
                continue
            if found == columns and list(compiled.lineage.values()) == list(said.lineage.values()):
                return text
        raise InvalidInput(
            f'"{reader.name}" reads "{old}" in a way that cannot be rewritten: change it by hand.',
            attr="rewrite_dependents",
        )

    def _readers(self, view: View) -> list[View]:
        with self.store.read() as session:
            below = lineage.descendants(session, view.project_id, view.name, 1)
            return list(shelf.named(session, view.project_id, below[0] if below else []).values())


def renamed(text: str, old: str, new: str, catalog: Catalog) -> Iterator[str]:
    """The text with the table's name replaced: plainly, then under its old name as an alias, so that `old.x` holds."""
    opaque = PhysicalTable(catalog.database, _MARK)
    tables = {**catalog.tables, old: replace(catalog.tables[old], backing=opaque)}
    tree = checked(text)
    resolve(tree, replace(catalog, tables=tables))
    places = sorted({place for node in walk(tree) if (place := _place(node, old))}, reverse=True)
    for aliased in (False, True):
        written = text
        for start, end, has_alias in places:
            alias = f" AS {quoted(old, whole=True)}" if aliased and not has_alias else ""
            written = f"{written[:start]}{quoted(new)}{alias}{written[end:]}"
        yield written


def quoted(name: str, *, whole: bool = False) -> str:
    """A name as HogQL takes it; `whole`: dots are part of it."""
    parts = [name] if whole else name.split(".")
    return ".".join(part if _BARE.fullmatch(part) else f"`{part}`" for part in parts)


def _place(node: nodes.Node, name: str) -> tuple[int, int, bool] | None:
    if not isinstance(node, nodes.JoinExpr) or not isinstance(node.table, TableRef) or node.table.span is None:
        return None
    if node.table.table.name != name:
        return None
    start, end = node.table.span
    return start, end, node.alias is not None and node.alias != name
