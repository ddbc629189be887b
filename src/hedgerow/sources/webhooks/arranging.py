"""Webhooks made, told of and removed: the remote's part where it lets us, and what is left to do by hand."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.connectors import SourceError, WebhookForm
from hedgerow.connectors.webhooks import RemoteWebhook, WebhookSource, webhook_source
from hedgerow.kit.clock import iso
from hedgerow.kit.errors import NotFound
from hedgerow.sources.events.records import FAILED, WAITING, Webhook
from hedgerow.sources.events.shelf import EventShelf, WebhookShelf
from hedgerow.sources.records import Schema, Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.sources.shelf import Shelf
from hedgerow.store import Store
from hedgerow.store.secrets import SecretUnreadable
from hedgerow.warehouse.errors import ActionRefused

T = TypeVar("T")
_AGAIN_AFTER = timedelta(seconds=30)
_LONGEST_INPUT = 1000
_NO_SITE = (
    "This server does not know the address by which others reach it: set HEDGEROW_SITE_URL, such as "
    "https://data.example.com, and create the webhook again."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that can have a webhook, with all there is of it."""

    source: Source
    config: Mapping[str, Any]
    webhooks: WebhookSource
    form: WebhookForm
    hook: Webhook | None
    inputs: Mapping[str, str]
    tables: Mapping[str, Schema]

    @property
    def lacking(self) -> list[str]:
        """The fields that are not given yet."""
        return [field.name for field in self.form.fields if field.required and not self.inputs.get(field.name)]


@dataclass(frozen=True, slots=True)
class Arranging:
    """Methods raise `ActionRefused` and `NotFound`. `site` is this server's address; `public`: it is the setting's."""

    store: Store
    shelf: Shelf
    hooks: WebhookShelf
    events: EventShelf
    remotes: Remotes
    scheduling: Scheduling

    async def create(self, project_id: int, source_id: UUID, site: str, *, public: bool) -> dict[str, Any]:
        """Have the remote send its events here; its tables are then read whole once, for what happened before."""
        opened = await self._made(project_id, source_id, site)
        hook, url = _there(opened), f"{site}{_there(opened).path}"
        told = {"webhook_url": url, "pending_inputs": opened.lacking}
        if not public:
            return {"success": False, "error": _NO_SITE, **told}
        known = hook.remote_id if not opened.lacking else None
        try:
            found = await self.remotes.work(lambda: opened.webhooks.register(opened.config, url, known))
        except SourceError as fault:
            return {"success": False, "error": f"{fault.text} {opened.form.caption}", **told}

        def write(session: Session) -> bool:
            now = self.hooks.get(session, hook.id)
            if now is None or now.leaving:
                return False
            self.hooks.change(session, hook.id, {"remote_id": found.remote_id, "url": url}, found.inputs)
            self._read_anew(session, project_id, source_id)
            return True

        if not await self._write(write):  # it was deleted while the remote was asked
            with suppress(SourceError):
                await self.remotes.work(lambda: opened.webhooks.remove(opened.config, url, found.remote_id))
            raise NotFound()
        return {"success": True, "webhook_url": url, "error": None, "pending_inputs": []}

    async def give(self, project_id: int, source_id: UUID, inputs: object) -> dict[str, Any]:
        """Keep what proves deliveries, of a webhook that was registered by hand."""
        opened = await asyncio.to_thread(self._opened, project_id, source_id)
        if opened.hook is None:
            raise ActionRefused("There is no webhook of this source yet. Create a webhook first.")
        given = _checked(opened.form, inputs)
        hook = opened.hook

        def write(session: Session) -> None:
            self.hooks.change(session, hook.id, {"refused_at": None, "refusal": None}, given)
            self._read_anew(session, project_id, source_id)

        if any(opened.inputs.get(name) != value for name, value in given.items()):
            await self._write(write)
        return {"success": True}

    async def info(self, project_id: int, source_id: UUID, site: str) -> dict[str, Any]:
        """The webhook as it is here and at the remote."""
        try:
            opened = await asyncio.to_thread(self._opened, project_id, source_id)
        except ActionRefused:
            none: dict[str, Any] = {"schema_mapping": {}, "external_status": None}
            return {"supports_webhooks": False, "exists": False, "webhook_url": None, **none}
        mapping = {name: str(schema.id) for name, schema in opened.tables.items()}
        if opened.hook is None:
            return {"supports_webhooks": True, "exists": False, "webhook_url": None, "schema_mapping": mapping}
        remote, error = await self._state(opened, opened.hook)
        missing = list(remote.missing_events) if remote is not None else []
        told = asdict(remote) if remote is not None else {"exists": False}
        told.pop("missing_events", None)
        return {
            "supports_webhooks": True,
            "exists": True,
            "webhook_url": f"{site}{opened.hook.path}",
            "registered": opened.hook.remote_id is not None,
            "schema_mapping": mapping,
            "inputs": {
                field.name: {"secret": field.hidden} for field in opened.form.fields if opened.inputs.get(field.name)
            },
            "pending_inputs": opened.lacking,
            "external_status": {**told, "error": error},
            "missing_events": missing,
            **await asyncio.to_thread(self._figures, opened.hook, opened.tables),
        }

    async def delete(self, project_id: int, source_id: UUID) -> dict[str, Any]:
        """Take no more deliveries. The remote is asked to send none; a job asks again where it does not answer."""
        opened = await asyncio.to_thread(self._opened, project_id, source_id)
        if opened.tables:
            using = ", ".join(sorted(opened.tables))
            text = f"Cannot delete the webhook while tables are synced by it: {using}. Choose another sync_type first."
            raise ActionRefused(text)
        hook = opened.hook
        if hook is None:
            return {"success": True, "external_deleted": False, "error": None}
        said = {"source_type": opened.source.source_type, "config": dict(opened.config)}

        def leave(session: Session) -> None:
            self.hooks.leave(session, hook.id, said)
            self.scheduling.unhook(session, project_id, hook.id, _AGAIN_AFTER)

        await self._write(leave)
        try:
            await self.remotes.work(lambda: opened.webhooks.remove(opened.config, hook.url or "", hook.remote_id))
        except SourceError as fault:
            return {"success": True, "external_deleted": False, "error": fault.text}
        await self._write(lambda session: self.hooks.forget(session, hook.id))
        return {"success": True, "external_deleted": True, "error": None}

    # --- inside

    async def _made(self, project_id: int, source_id: UUID, site: str) -> Opened:
        """With a webhook that is kept before the remote knows of it: a crash leaves nothing there that is not known."""

        def make(session: Session) -> None:
            hook = self.hooks.of_source(session, source_id) or self.hooks.add(session, project_id, source_id)
            if hook.remote_id is None:
                self.hooks.change(session, hook.id, {"url": f"{site}{hook.path}"})

        opened = await asyncio.to_thread(self._opened, project_id, source_id)
        if not opened.config:
            raise ActionRefused("Source has no configuration.")
        with suppress(IntegrityError):  # somebody else has made it in this moment
            await self._write(make)
        return await asyncio.to_thread(self._opened, project_id, source_id)

    def _opened(self, project_id: int, source_id: UUID) -> Opened:
        with self.store.read() as session:
            source = self.shelf.get(session, project_id, source_id)
            connector = self.remotes.connector(source.source_type)
            webhooks, form = webhook_source(connector), connector.declaration.webhook
            if webhooks is None or form is None:
                text = f"{source.source_type} sources take no webhooks on this server: their tables are kept in step "
                raise ActionRefused(f"{text}by syncs.", code="webhooks_unsupported")
            hook = self.hooks.of_source(session, source_id)
            inputs = self.hooks.inputs(session, hook.id) if hook is not None else {}
            tables = {schema.name: schema for schema in self.shelf.schemas(session, [source]) if schema.pushed}
            return Opened(source, self._config(session, source), webhooks, form, hook, inputs, tables)

    def _config(self, session: Session, source: Source) -> dict[str, Any]:
        try:
            return self.shelf.config(session, source)
        except SecretUnreadable:
            return {}  # whoever has lost the key can still see and delete the webhook

    def _read_anew(self, session: Session, project_id: int, source_id: UUID) -> None:
        """What happened before the first event came is in no event."""
        source = self.shelf.get(session, project_id, source_id)
        for schema in self.shelf.schemas(session, [source]):
            if schema.pushed:
                self.scheduling.trigger(session, schema)

    async def _state(self, opened: Opened, hook: Webhook) -> tuple[RemoteWebhook | None, str | None]:
        if not opened.config:
            return None, "Source has no configuration."
        url = hook.url or ""
        try:
            return await self.remotes.work(lambda: opened.webhooks.state(opened.config, url, hook.remote_id)), None
        except SourceError as fault:
            return None, fault.text

    def _figures(self, hook: Webhook, tables: Mapping[str, Schema]) -> dict[str, Any]:
        with self.store.read() as session:
            states, last, error = self.events.figures(session, [schema.id for schema in tables.values()])
        moments = [moment for moment in (hook.last_event_at, last) if moment is not None]
        return {
            "created_at": iso(hook.created_at),
            "last_event_at": iso(max(moments)) if moments else None,
            "events_waiting": states.get(WAITING, 0),
            "events_failed": states.get(FAILED, 0),
            "last_error": error,
            "last_refused_at": iso(hook.refused_at) if hook.refused_at else None,
            "last_refusal": hook.refusal,
        }

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self.store.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _there(opened: Opened) -> Webhook:
    if opened.hook is None:  # it was deleted in this moment
        raise NotFound()
    return opened.hook


def _checked(form: WebhookForm, inputs: object) -> dict[str, str]:
    if not isinstance(inputs, Mapping) or not inputs:
        raise ActionRefused("No inputs provided", attr="inputs")
    names = {field.name for field in form.fields}
    if unknown := sorted(str(name) for name in inputs.keys() - names):
        raise ActionRefused(f"Invalid input keys: {', '.join(unknown)}", attr="inputs")
    given = {name: value.strip() for name, value in inputs.items() if isinstance(value, str)}
    if lacking := [name for name in inputs if not given.get(name) or len(given[name]) > _LONGEST_INPUT]:
        raise ActionRefused(f"Missing required fields: {', '.join(lacking)}", attr="inputs")
    return given
