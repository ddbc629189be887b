"""What a result is known by: the query, what it reads as it stands now, the values, the page, and the tables used."""

import hashlib
from collections import OrderedDict
from uuid import UUID

from hedgerow.endpoints.records import Version
from hedgerow.endpoints.run.paths import Asked
from hedgerow.endpoints.run.plans import Plans
from hedgerow.language.query.catalog import Catalog
from hedgerow.language.query.pipeline import CompiledQuery

_MOST_KEPT = 20_000
_Known = tuple[UUID, int | None, int | None, tuple[type, ...]]


class Keys:
    """Makes keys. The compiled query names the physical tables: a load, or a view's new text, is another key.

    Endpoints and versions are no part of it, so the same query asked under two names has one result.
    """

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._known: OrderedDict[_Known, tuple[Catalog, bytes]] = OrderedDict()

    async def key(self, version: Version, catalog: Catalog, asked: Asked, tables: str) -> str:
        """The key; `tables` names the tables of the version that a run reads, if any. Raises what compiling raises."""
        text = await self._identity(version, catalog, asked)
        digest = hashlib.blake2b(text, digest_size=20)
        # Not as JSON: that takes 1.0 for 1 in places, and numbers have an end there.
        values = repr((tables, list(asked.values.items()), asked.page.limit, asked.page.offset))
        digest.update(values.encode(errors="surrogatepass"))
        return f"run:{catalog.project_id}:{digest.hexdigest()}"

    async def _identity(self, version: Version, catalog: Catalog, asked: Asked) -> bytes:
        """A digest of the query as the engine would get it; of whichever values came first, as those are in the key."""
        known = (version.id, asked.page.limit, asked.page.offset, tuple(map(type, asked.values.values())))
        found = self._known.get(known)
        if found is not None and found[0] is catalog:
            self._known.move_to_end(known)
            return found[1]
        compiled = await self._plans.plan(version, catalog, asked.values, asked.page, alone=asked.alone)
        digest = _digest(compiled, catalog)
        self._known[known] = (catalog, digest)
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return digest


def _digest(compiled: CompiledQuery, catalog: Catalog) -> bytes:
    values = {carrier for carriers in compiled.variable_parameters.values() for carrier in carriers}
    fixed = sorted((name, repr(bound)) for name, bound in compiled.parameters.items() if name not in values)
    content = repr((compiled.sql, fixed, catalog.timezone)).encode(errors="surrogatepass")
    return hashlib.blake2b(content, digest_size=20).digest()
