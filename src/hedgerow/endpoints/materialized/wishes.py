"""What a change wishes of a version's tables: checked before the transaction, carried out within it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from hedgerow.endpoints import shelf
from hedgerow.endpoints.bodies import EndpointBody
from hedgerow.endpoints.errors import CannotMaterialize
from hedgerow.endpoints.materialized.planning import Obstacle, Planner
from hedgerow.endpoints.materialized.switching import Switch
from hedgerow.endpoints.records import Endpoint, Prepared, Wishes
from hedgerow.kit.errors import HedgerowError, InvalidInput

_NO_NAME = "%"
"""Of tables that are only thought of: no table of a project can be called so."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`on` `None`: nothing is said. `buckets` `None`: as they are. `fault`: why a new version cannot have tables.

    `wake`: also if the tables sleep.
    """

    on: bool | None = None
    buckets: Mapping[str, Any] | None = None
    refresh: bool = False
    fault: str | None = None
    wake: bool = True


@dataclass(frozen=True, slots=True)
class Materializing:
    """Checks wishes with the planner and carries them out with the switch."""

    planner: Planner
    switch: Switch

    async def of_new(self, project_id: int, name: str, body: EndpointBody, query: Mapping[str, Any]) -> Wish:
        """For an endpoint to be made; raises `CannotMaterialize`."""
        if not body.is_materialized:
            return Wish()
        if body.is_active is False:
            raise InvalidInput("Cannot materialize an inactive endpoint.", attr="is_materialized")
        buckets = body.bucket_overrides or {}
        await self._check(project_id, f"{name}_v1", query, buckets)
        return Wish(True, buckets)

    async def of_change(self, body: EndpointBody, present: Endpoint, wishes: Wishes, *, targeted: bool) -> Wish:
        """For a version that is there, or the one that a new query makes.

        Raises when nothing but the wish to materialize fails; with a new version the reason is told instead.
        """
        version, kept = present.version, present.version.materialization
        made = wishes.query is not None and not shelf.same_query(wishes.query.query, version.query)
        states: Mapping[str, Any] = {**wishes.endpoint, **wishes.version}
        active = states.get("is_active", present.is_active and (made or version.is_active))
        if body.is_materialized and not active:
            raise InvalidInput("Cannot materialize an inactive endpoint.", attr="is_materialized")
        if not active or body.is_materialized is False:
            return Wish(False)
        if not body.is_materialized and kept is None:
            return Wish()
        buckets = body.bucket_overrides
        carried = dict(buckets if buckets is not None else kept.bucket_overrides if kept else {})
        if not made and kept is not None and (buckets is None or carried == kept.bucket_overrides):
            return Wish(True, wake=bool(body.is_materialized))
        query = wishes.query.query if made and wishes.query is not None else version.query
        number = present.current_version + 1 if made else version.number
        try:
            await self._check(present.project_id, f"{present.name}_v{number}", query, carried)
        except CannotMaterialize as refusal:
            if not made:
                raise
            return Wish(fault=refusal.detail)
        return Wish(True, carried, wake=made or bool(body.is_materialized))

    async def judged(self, project_id: int, prepared: Prepared) -> Prepared:
        """With the reason why the query cannot be materialized, if there is one."""
        try:
            await self.planner.plan(project_id, _NO_NAME, prepared.query, {})
        except Obstacle as obstacle:
            return replace(prepared, obstacle=obstacle.reason)
        except HedgerowError:
            pass  # the engine is away, which says nothing of the query
        return prepared

    def carry_out(self, session: Session, wish: Wish, endpoint: Endpoint, *, targeted: bool) -> None:
        """Switch the shown version's tables on or off; all versions' when the endpoint is switched off."""
        if wish.on:
            self.switch.on(session, endpoint.version.id, wish.buckets, refresh=wish.refresh, wake=wish.wake)
        elif not endpoint.is_active and not targeted:
            self.switch.off(session, self.switch.versions(session, endpoint.id))
        elif wish.on is False:
            self.switch.off(session, [endpoint.version.id])

    async def _check(self, project_id: int, name: str, query: Mapping[str, Any], buckets: Mapping[str, Any]) -> None:
        try:
            await self.planner.plan(project_id, name, query, buckets)
        except Obstacle as obstacle:
            raise CannotMaterialize(obstacle.reason) from obstacle
