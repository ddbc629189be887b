"""Whether and how a source's log is read: wished for, checked against the remote, and told."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from hedgerow.connectors.changes import ChangeSource, LogPlace, LogState, change_source
from hedgerow.kit.errors import BareError, InvalidInput
from hedgerow.sources.form import direct
from hedgerow.sources.form.bodies import LogSettings, LogWish
from hedgerow.sources.logs.keeping import LogKeeping
from hedgerow.sources.logs.lagging import level
from hedgerow.sources.logs.records import MANAGED, ChangeLog
from hedgerow.sources.records import Source
from hedgerow.sources.remotes import Remotes
from hedgerow.sources.scheduling import Scheduling
from hedgerow.store import Store
from hedgerow.warehouse.errors import ActionRefused

_UNSUPPORTED = "CDC prerequisite checks are only supported for Postgres."
_ON = frozenset({"true", "1", "yes", "on"})
_COLUMNS: Mapping[str, str] = {
    "cdc_auto_drop_slot": "auto_drop_slot",
    "cdc_lag_warning_threshold_mb": "warning_mb",
    "cdc_lag_critical_threshold_mb": "critical_mb",
}


@dataclass(frozen=True, slots=True)
class Settling:
    """Methods raise `ActionRefused`, `InvalidInput` and `NotFound`."""

    store: Store
    keeping: LogKeeping
    remotes: Remotes
    scheduling: Scheduling

    def wish(self, source_type: str, given: Mapping[str, Any]) -> LogWish | None:
        """What a payload says of the log; `None` when it is not to be read."""
        if str(given.get("cdc_enabled", "")).strip().lower() not in _ON:
            return None
        self._source(source_type)
        try:
            wish = LogWish.model_validate({k: v for k, v in given.items() if k.startswith("cdc_") and v is not None})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise ActionRefused(f"Invalid source config: Field '{field}' {first['msg']}", attr="payload") from None
        _check(wish.cdc_lag_warning_threshold_mb, wish.cdc_lag_critical_threshold_mb)
        return wish

    async def faults(
        self, source_type: str, config: Mapping[str, Any], wish: LogWish, tables: Sequence[str] = ()
    ) -> list[str]:
        """What the remote lacks for its log to be read."""
        changes = self._source(source_type)
        place = _place(wish, "hedgerow_new")
        return await self.remotes.asked(lambda: changes.faults(config, place, tables))

    async def check(
        self, source_type: str, config: Mapping[str, Any], wish: LogWish, tables: Sequence[str] = ()
    ) -> None:
        """Raises `ActionRefused` with all that is missing."""
        if told := await self.faults(source_type, config, wish, tables):
            raise ActionRefused(f"CDC prerequisites are not met: {' '.join(told)}", attr="payload")

    def settle(self, session: Session, source: Source, wish: LogWish) -> ChangeLog:
        """Keep how the log is to be read; nothing is asked of the remote before a table follows it."""
        place = _place(wish, f"hedgerow_{source.id.hex}")
        values = {
            "enabled": True,
            "management_mode": wish.cdc_management_mode,
            "slot_name": place.slot,
            "publication_name": place.publication,
            "auto_drop_slot": wish.cdc_auto_drop_slot,
            "warning_mb": wish.cdc_lag_warning_threshold_mb,
            "critical_mb": wish.cdc_lag_critical_threshold_mb,
            "position": None,
            "system": None,
            "warning": None,
        }
        return self.keeping.logs.set(session, source.project_id, source.id, values)

    async def enable(self, project_id: int, source_id: UUID, wish: LogWish) -> None:
        """Let tables of a source follow its log."""
        source, config, log = await asyncio.to_thread(self.opened, project_id, source_id)
        if log is not None and log.enabled:
            raise BareError(409, {"message": "CDC is already enabled on this source."})
        direct.refuse(source)
        _check(wish.cdc_lag_warning_threshold_mb, wish.cdc_lag_critical_threshold_mb)
        await self.check(source.source_type, config, wish)

        def write() -> None:
            with self.store.write() as session:
                self.settle(session, self.keeping.shelf.get(session, project_id, source_id), wish)

        await asyncio.to_thread(write)

    def disable(self, project_id: int, source_id: UUID) -> None:
        """Follow the log no more; tables that did stay as they are, and are not synced. Blocking."""
        with self.store.write() as session:
            source = self.keeping.shelf.get(session, project_id, source_id)
            log = self.keeping.logs.get(session, source_id)
            if log is None or not log.enabled:
                raise ActionRefused("CDC is not enabled on this source.")
            for schema in self.keeping.shelf.schemas(session, [source]):
                if schema.sync_type == "cdc":
                    self.scheduling.stop(session, schema)
                    off = {"should_sync": False, "sync_type": None, "cursor": None, "reset": True}
                    self.keeping.shelf.change_schema(session, schema.id, off)
            self.keeping.logs.set(session, project_id, source_id, {"enabled": False, "warning": None})
            self.scheduling.tidy_log(session, project_id, source_id)

    def change(self, project_id: int, source_id: UUID, body: LogSettings) -> None:
        """Set what is said. Blocking."""
        said = {_COLUMNS[name]: value for name, value in body.model_dump(exclude_none=True).items()}
        with self.store.write() as session:
            self.keeping.shelf.get(session, project_id, source_id)
            log = self.keeping.logs.get(session, source_id)
            if log is None or not log.enabled:
                raise ActionRefused("CDC is not enabled on this source.")
            _check(said.get("warning_mb", log.warning_mb), said.get("critical_mb", log.critical_mb))
            self.keeping.logs.set(session, project_id, source_id, said)

    async def status(self, project_id: int, source_id: UUID) -> dict[str, Any]:
        """What is kept of the log, and what there is of it at the remote."""
        source, config, log = await asyncio.to_thread(self.opened, project_id, source_id)
        if log is None or not log.enabled:
            return _told(None, None)
        changes, place = self._source(source.source_type), log.place
        return _told(log, await self.remotes.asked(lambda: changes.state(config, place)))

    def opened(self, project_id: int, source_id: UUID) -> tuple[Source, dict[str, Any], ChangeLog | None]:
        """A source, what it connects with, and its log. Blocking."""
        with self.store.read() as session:
            source = self.keeping.shelf.get(session, project_id, source_id)
            return source, self.keeping.shelf.config(session, source), self.keeping.logs.get(session, source_id)

    def _source(self, source_type: str) -> ChangeSource:
        changes = change_source(self.remotes.connector(source_type))
        if changes is None:
            raise ActionRefused(_UNSUPPORTED, attr="source_type")
        return changes


def _place(wish: LogWish, default: str) -> LogPlace:
    names = wish.cdc_slot_name or default, wish.cdc_publication_name or default
    return LogPlace(*names, wish.cdc_management_mode == MANAGED)


def _check(warning: int, critical: int) -> None:
    if warning >= critical:
        text = "The warning threshold must be less than the critical one."
        raise InvalidInput(text, attr="cdc_lag_warning_threshold_mb")


def _told(log: ChangeLog | None, state: LogState | None) -> dict[str, Any]:
    return {
        "enabled": log is not None,
        "management_mode": log.management_mode if log else None,
        "slot_name": log.slot_name if log else None,
        "publication_name": log.publication_name if log else None,
        "auto_drop_slot": log.auto_drop_slot if log else None,
        "lag_warning_threshold_mb": log.warning_mb if log else None,
        "lag_critical_threshold_mb": log.critical_mb if log else None,
        "slot_exists": state.slot_exists if state else False,
        "publication_exists": state.publication_exists if state else False,
        "lag_bytes": state.lag_bytes if state else None,
        "lag_status": level(log, state).value if log and state else None,
    }
