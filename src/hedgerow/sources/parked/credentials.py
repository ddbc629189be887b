"""Stored credentials: tried out when they are given, then kept until a source is made with them, or for a day."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hedgerow.jobs import Control, Job, Jobs
from hedgerow.kit.clock import iso, now
from hedgerow.sources.form import configuring
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.rows import CredentialRow
from hedgerow.store import Secrets, Store
from hedgerow.warehouse.errors import ActionRefused

FORGET = "forget_credentials"
KEPT = timedelta(hours=24)
FIELD = "credential_id"
_GONE = "There are no such stored credentials of yours: they were used, or are older than a day. Store them again."
_ALONE = "Stored credentials stand for the whole form: give no field of it beside credential_id."


@dataclass(frozen=True, slots=True)
class Parked:
    """They are their user's own. Methods raise `ActionRefused`."""

    store: Store
    secrets: Secrets
    remotes: Remotes
    jobs: Jobs

    async def keep(self, project_id: int, user_id: int, source_type: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what the remote lets in; told without its values."""
        declaration = self.remotes.connector(source_type).declaration
        given = {name: value for name, value in payload.items() if name != "schemas"}
        config = configuring.cleaned(declaration, given)
        await self.remotes.check(source_type, config)

        def write() -> dict[str, Any]:
            sealed = self.secrets.encrypt(orjson.dumps(config).decode())
            row = CredentialRow(
                id=uuid4(), project_id=project_id, user_id=user_id, source_type=source_type, config=sealed
            )
            with self.store.write() as session:
                session.add(row)
                session.flush()
                told, said = _told(row), {"id": str(row.id)}
                subject = f"credentials:{row.id}"
                self.jobs.enqueue(session, FORGET, subject, said, project_id=project_id, run_at=row.created_at + KEPT)
            return told

        return await asyncio.to_thread(write)

    def list(self, project_id: int, user_id: int) -> "list[dict[str, Any]]":
        """Those that a user may still use, newest first. Blocking."""
        rules = (CredentialRow.project_id == project_id, CredentialRow.user_id == user_id)
        chosen = select(CredentialRow).where(*rules, CredentialRow.created_at > now() - KEPT)
        with self.store.read() as session:
            return [_told(row) for row in session.scalars(chosen.order_by(CredentialRow.created_at.desc()))]

    def given(self, project_id: int, user_id: int, source_type: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A payload with what its `credential_id` stands for. Blocking."""
        fields = {field.name for field in self.remotes.connector(source_type).declaration.fields}
        said = self.remotes.connector(source_type).declaration.normalise({**payload})
        if fields & {*payload, *(name for name, value in said.items() if value not in (None, ""))}:
            raise ActionRefused(_ALONE, attr=FIELD)  # or they could be sent to another host
        with self.store.read() as session:
            row = self._row(session, payload[FIELD])
            mine = row is not None and (row.project_id, row.user_id) == (project_id, user_id)
            if row is None or not mine or row.source_type != source_type or row.created_at <= now() - KEPT:
                raise ActionRefused(_GONE, attr=FIELD)
            return {**payload, **orjson.loads(self.secrets.decrypt(row.config))}

    def use(self, session: Session, credential_id: object) -> None:
        """They are used with this transaction, and never again."""
        row = self._row(session, credential_id)
        if row is None:
            raise ActionRefused(_GONE, attr=FIELD)
        session.delete(row)
        session.flush()

    async def forget(self, job: Job, _control: Control) -> None:
        """The handler of the job that ends their time."""

        def write() -> None:
            with self.store.write() as session:
                session.execute(delete(CredentialRow).where(CredentialRow.id == UUID(job.payload["id"])))

        await asyncio.to_thread(write)

    def _row(self, session: Session, credential_id: object) -> CredentialRow | None:
        try:
            return session.get(CredentialRow, UUID(str(credential_id)), populate_existing=True)
        except ValueError:
            return None


def _told(row: CredentialRow) -> dict[str, Any]:
    return {
        "credential_id": str(row.id),
        "source_type": row.source_type,
        "created_at": iso(row.created_at),
        "expires_at": iso(row.created_at + KEPT),
    }
