"""Orders in memory: what was asked before, byte for byte, is neither parsed nor checked again."""

from collections import OrderedDict
from dataclasses import dataclass

from hedgerow.endpoints.run.memory import Definition
from hedgerow.endpoints.run.serving import Order
from hedgerow.language.query.catalog import Catalog

_MOST_KEPT = 10_000
_LONGEST = 1_000
"""Bytes of a body that is remembered: those of the many are short."""


@dataclass(frozen=True, slots=True)
class _Known:
    current: Definition
    order: Order


class Orders:
    """Orders by project, endpoint and body. One holds while endpoint, variables and tables are what they were."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, str, bytes], _Known] = OrderedDict()

    def find(self, current: Definition, catalog: Catalog, raw: bytes) -> Order | None:
        """The order that this body made, if it would make the same one now; `current` is the endpoint as it is."""
        key = catalog.project_id, current.endpoint.name, raw
        known = self._known.get(key)
        if known is None or known.current is not current or known.order.catalog is not catalog:
            return None
        self._known.move_to_end(key)
        return known.order

    def keep(self, current: Definition, raw: bytes, order: Order) -> None:
        """Remember an order that nothing but its body made; those in the cache's way are not worth it."""
        if len(raw) > _LONGEST or order.mode != "cache" or order.client_query_id is not None or order.asked.alone:
            return
        self._known[order.catalog.project_id, current.endpoint.name, raw] = _Known(current, order)
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
