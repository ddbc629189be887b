"""Runs that came before, byte for byte, and have a kept result: answered at once, with all that belongs to a run."""

from dataclasses import dataclass

from starlette.requests import Request

from hedgerow.endpoints.run.memory import Definition
from hedgerow.endpoints.run.running import Runs
from hedgerow.endpoints.run.serving import Order
from hedgerow.kit.errors import Throttled
from hedgerow.web.access import Access, Gate, Principal, Standing
from hedgerow.web.prompt import REMEMBER, Told


def remember(request: Request, runs: Runs, gate: Gate, access: Access, raw: bytes) -> None:
    """Answer requests of the same bytes from memory from now on, where nothing but memory is needed."""
    standing = gate.standing(request, access)
    current = runs.definitions.peek(access.project_id, request.scope["path_params"]["name"])
    catalog = runs.catalogs.peek(access.project_id)
    if standing is None or current is None or catalog is None or access.principal.bounds is not None:
        return
    order = runs.orders.find(current, catalog, raw)
    if order is not None:
        request.scope[REMEMBER](_Again(runs, standing, access.principal, current, order))


@dataclass(frozen=True, slots=True)
class _Again:
    """`web.prompt.Tell` of a run: right as long as key, endpoint, variables and tables are what they were."""

    runs: Runs
    standing: Standing
    principal: Principal
    current: Definition
    order: Order

    def __call__(self) -> Told | None:
        runs, order, endpoint = self.runs, self.order, self.current.endpoint
        if not self.standing.holds() or runs.definitions.peek(endpoint.project_id, endpoint.name) is not self.current:
            return None
        if runs.catalogs.peek(endpoint.project_id) is not order.catalog:
            return None
        bucket = runs.serving.bucket_at_hand(order)
        served = runs.serving.at_hand(order)
        if bucket is None or served is None:
            return None
        try:
            headers = self.standing.admit(bucket, self.current.charges)
        except Throttled:
            return None  # the usual way refuses it, in its own words
        with runs.recorder.begin(self.principal, endpoint) as noted:
            noted.asks(order.definition.endpoint.version, order.asked.values, direct=False)
            return Told(runs.told(order, served, noted), headers)
