"""Takes what remotes post: proven first, then kept in the transaction before the answer, and applied by a job."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hedgerow.connectors.webhooks import Delivery, Event, Unproven, Unreadable, WebhookSource, webhook_source
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.sources.events.records import Webhook
from hedgerow.sources.events.shelf import EventShelf, WebhookShelf
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.store import Store

_NOTED_SECONDS = 10.0
"""Anybody may send what is refused: so often at most that is written down."""
_NOT_READY = "This webhook has no signing secret yet. Send it again later."


class DeliveryRefused(InvalidInput):
    """What was posted is not proven, or is no event."""

    code = "delivery_refused"


@dataclass(frozen=True, slots=True)
class Receiving:
    """Blocking. Methods raise `NotFound` and `DeliveryRefused`: remotes send again what was refused."""

    store: Store
    shelf: Shelf
    hooks: WebhookShelf
    events: EventShelf
    remotes: Remotes
    scheduling: Scheduling
    noted: dict[UUID, float] = field(default_factory=dict)

    def take(self, webhook_id: UUID, delivery: Delivery) -> int:
        """Take a delivery; of how many rows it told something new."""
        hook, webhooks, config, inputs = self._opened(webhook_id)
        try:
            if not inputs:
                raise Unproven(_NOT_READY)
            webhooks.verify(config, inputs, delivery)
            event = webhooks.read(config, delivery)
        except (Unproven, Unreadable) as fault:
            self._note(hook, str(fault))
            raise DeliveryRefused(str(fault)) from None
        return self._keep(hook, event) if event.changes else 0

    def _opened(self, webhook_id: UUID) -> tuple[Webhook, WebhookSource, Mapping[str, Any], dict[str, str]]:
        with self.store.read() as session:
            hook = self.hooks.get(session, webhook_id)
            if hook is None or hook.leaving:
                raise NotFound()
            source = self.shelf.get(session, hook.project_id, hook.source_id)
            webhooks = webhook_source(self.remotes.connector(source.source_type))
            if webhooks is None:
                raise NotFound()
            return hook, webhooks, self.shelf.config(session, source), self.hooks.inputs(session, webhook_id)

    def _keep(self, hook: Webhook, event: Event) -> int:
        count = 0
        with self.store.write() as session:
            there = self.hooks.get(session, hook.id)
            if there is None or there.leaving:
                raise NotFound()
            told = self.shelf.named(session, hook.source_id, {change.table for change in event.changes})
            wanted = {schema.name: schema for schema in told if schema.pushed}
            for place, change in enumerate(event.changes):
                schema = wanted.get(change.table)
                if schema is not None and self.events.keep(session, schema, event, place, change):
                    self.scheduling.apply_events(session, schema)
                    count += 1
        return count

    def _note(self, hook: Webhook, why: str) -> None:
        moment = time.monotonic()
        if moment - self.noted.get(hook.id, -_NOTED_SECONDS) < _NOTED_SECONDS:
            return
        if len(self.noted) > 1000:
            self.noted.clear()
        self.noted[hook.id] = moment
        with self.store.write() as session:
            if self.hooks.get(session, hook.id) is not None:
                self.hooks.change(session, hook.id, {"refused_at": now(), "refusal": why})
