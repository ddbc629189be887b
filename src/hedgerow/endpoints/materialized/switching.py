"""Switches tables of versions on and off, in the transaction of whoever changes the endpoint."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.endpoints.materialized import noting
from hedgerow.endpoints.rows import EndpointRow, MaterializationRow, VersionRow
from hedgerow.endpoints.shelf import subject as revision
from hedgerow.jobs import JobRoom
from hedgerow.kit.clock import now
from hedgerow.materialize import Tables
from hedgerow.store.revisions import bump

KIND = "endpoint_refresh"
_EARLY = 0.05


def subject(version_id: UUID) -> str:
    """What a version's refreshes are on."""
    return f"endpoint_version:{version_id}"


class Switch:
    """Writes what is wanted; the refresh itself is a job."""

    def __init__(self, jobs: JobRoom, tables: Tables) -> None:
        self._jobs, self._tables = jobs, tables

    def on(
        self, session: Session, version_id: UUID, buckets: Mapping[str, Any] | None, *, refresh: bool, wake: bool = True
    ) -> None:
        """Materialize a version, or bring its schedule in step. A refresh is asked for when there is no table yet.

        `buckets` `None` leaves the overrides as they are; others than before ask for a refresh, too. What hibernates
        is woken, unless told to let it sleep.
        """
        version = session.get_one(VersionRow, version_id)
        endpoint = session.get_one(EndpointRow, version.endpoint_id)
        bump(session, revision(endpoint.project_id))
        row = version.materialization
        if row is None:
            row = version.materialization = MaterializationRow(version_id=version_id, bucket_overrides={})
            refresh = True
        if buckets is not None and dict(buckets) != row.bucket_overrides:
            row.bucket_overrides, refresh = dict(buckets), True
        if row.hibernated_at is not None:
            if not wake:
                return
            row.hibernated_at, row.awake_since, row.status, refresh = None, now(), None, True
            noting.woken(session, endpoint, row)
        payload = {"version_id": str(version_id)}
        on, project_id = subject(version_id), endpoint.project_id
        # A little early: the next table is whole before this one is too old to serve.
        every = timedelta(seconds=version.data_freshness_seconds * (1 - _EARLY))
        self._jobs.schedules.set(session, on, KIND, payload, every, project_id=project_id, jitter=every * _EARLY / 2)
        if refresh:
            self._jobs.jobs.enqueue(session, KIND, on, payload, project_id=project_id)
        session.flush()

    def off(self, session: Session, version_ids: Iterable[UUID]) -> None:
        """Give up the tables of versions, and whatever is being refreshed."""
        for version_id in version_ids:
            version = session.get_one(VersionRow, version_id)
            if (row := version.materialization) is None:
                continue
            bump(session, revision(session.get_one(EndpointRow, version.endpoint_id).project_id))
            self._give_up(session, row)
            version.materialization = None
            session.flush()

    def sleep(self, session: Session, version_id: UUID) -> None:
        """Give up a version's tables until the next run, or somebody, wakes it."""
        version = session.get_one(VersionRow, version_id)
        endpoint = session.get_one(EndpointRow, version.endpoint_id)
        if (row := version.materialization) is None or row.hibernated_at is not None:
            return
        bump(session, revision(endpoint.project_id))
        self._give_up(session, row)
        row.tables, row.outputs, row.sources = [], [], {}
        row.row_count = row.bytes_on_disk = None
        row.status, row.error, row.hibernated_at = "Hibernated", "", now()
        noting.hibernated(session, endpoint, row)
        session.flush()

    def wake(self, session: Session, version_id: UUID) -> None:
        """Have the tables of a version made anew, if they sleep."""
        version = session.get(VersionRow, version_id, with_for_update=True)
        if version is not None and version.materialization is not None and version.materialization.hibernated_at:
            self.on(session, version_id, None, refresh=True)

    def _give_up(self, session: Session, row: MaterializationRow) -> None:
        self._jobs.schedules.remove(session, subject(row.version_id))
        self._jobs.jobs.cancel(session, subject(row.version_id))
        self._tables.retire(session, [table["physical"] for table in row.tables])

    def versions(self, session: Session, endpoint_id: UUID) -> list[UUID]:
        """All versions of an endpoint that are materialized."""
        chosen = select(VersionRow.id).join(MaterializationRow).where(VersionRow.endpoint_id == endpoint_id)
        return list(session.scalars(chosen))
