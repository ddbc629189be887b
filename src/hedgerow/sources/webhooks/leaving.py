"""The handler that has a remote send no more events; one that is away is asked again, then left."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from hedgerow.connectors import SourceError
from hedgerow.connectors.webhooks import webhook_source
from hedgerow.jobs import Control, Job, Policy
from hedgerow.sources.events.records import Webhook
from hedgerow.sources.events.shelf import WebhookShelf
from hedgerow.sources.remotes import Remotes
from hedgerow.store import Store


@dataclass(frozen=True, slots=True)
class Unhooking:
    """The handler of `UNHOOK`."""

    store: Store
    hooks: WebhookShelf
    remotes: Remotes

    @property
    def policy(self) -> Policy:
        """What its source connected with is kept for a day at most."""
        return Policy(tries=30, first_wait=timedelta(seconds=2), longest_wait=timedelta(hours=1), on_failure=self._end)

    async def run(self, job: Job, control: Control) -> dict[str, Any] | None:
        """Remove a webhook that is leaving at its remote, and then here."""
        found = await asyncio.to_thread(self._said, UUID(job.payload["webhook"]))
        if found is None:
            return None
        hook, said = found
        webhooks = webhook_source(self.remotes.connector(said["source_type"])) if said.get("config") else None
        fault = None
        if webhooks is not None:
            try:
                await self.remotes.work(lambda: webhooks.remove(said["config"], hook.url or "", hook.remote_id))
            except SourceError as error:
                if error.retryable:
                    raise
                fault = error.text  # whoever looks after the remote removes it; what it sends is refused here
        await asyncio.to_thread(self._done, control, hook.id)
        return {"error": fault}

    def _said(self, webhook_id: UUID) -> tuple[Webhook, dict[str, Any]] | None:
        with self.store.read() as session:
            hook = self.hooks.get(session, webhook_id)
            if hook is None or not hook.leaving:
                return None
            return hook, self.hooks.farewell(session, webhook_id)

    def _done(self, control: Control, webhook_id: UUID) -> None:
        with self.store.write() as session:
            control.confirm(session)
            self.hooks.forget(session, webhook_id)

    def _end(self, session: Session, job: Job, error: str) -> None:
        self.hooks.forget(session, UUID(job.payload["webhook"]))
