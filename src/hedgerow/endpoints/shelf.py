"""The shelf of endpoint rows: reads and writes within the caller's transaction, records out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.endpoints.errors import NameTaken, no_alias, no_endpoint
from hedgerow.endpoints.records import DEFAULT_FRESHNESS, LATEST, Endpoint, Materialization, Prepared, Version, Wishes
from hedgerow.endpoints.rows import EndpointRow, MaterializationRow, VersionRow
from hedgerow.kit.clock import now
from hedgerow.kit.errors import InvalidInput
from hedgerow.language.query.materializing.pieces import Piece
from hedgerow.language.query.materializing.serving import Served, Tables
from hedgerow.store.revisions import bump

_INHERITED = (
    "description",
    "data_freshness_seconds",
    "stale_while_revalidate_seconds",
    "append_only_column",
    "optional_breakdown_properties",
)
_AT_ONCE = 500


def subject(project_id: int) -> str:
    """The revision subject of a project's endpoints."""
    return f"endpoints:{project_id}"


def page(
    session: Session, project_id: int, filters: Mapping[str, Any], limit: int, offset: int
) -> tuple[int, list[Endpoint]]:
    """How many there are, and one page of them, newest first. `filters`: values by column, all of which must hold."""
    rules = [EndpointRow.project_id == project_id, EndpointRow.deleted.is_(False), *_equal(EndpointRow, filters)]
    count = session.scalar(select(func.count()).select_from(EndpointRow).where(*rules)) or 0
    chosen = (
        select(EndpointRow, VersionRow)
        .join(
            VersionRow, (VersionRow.endpoint_id == EndpointRow.id) & (VersionRow.number == EndpointRow.current_version)
        )
        .where(*rules)
        .order_by(EndpointRow.created_at.desc(), EndpointRow.id.desc())
    )
    return count, [_endpoint(row, version) for row, version in session.execute(chosen.limit(limit).offset(offset))]


def versions(
    session: Session, project_id: int, name: str, filters: Mapping[str, Any], limit: int, offset: int
) -> tuple[int, list[Endpoint]]:
    """How many versions an endpoint has, and one page of them, newest first."""
    row = _row(session, project_id, name)
    rules = [VersionRow.endpoint_id == row.id, *_equal(VersionRow, filters)]
    count = session.scalar(select(func.count()).select_from(VersionRow).where(*rules)) or 0
    chosen = select(VersionRow).where(*rules).order_by(VersionRow.number.desc()).limit(limit).offset(offset)
    return count, [_endpoint(row, version) for version in session.scalars(chosen)]


def find(
    session: Session, project_id: int, name: str, reference: int | str | None = None, *, lock: bool = False
) -> Endpoint | None:
    """An endpoint with its current version, or the one asked for; `None` when that number does not exist.

    With `lock` nobody else changes it before the transaction's end. Raises `NotFound` when there is no endpoint of
    that name, `InvalidInput` when it has no such alias.
    """
    row = _row(session, project_id, name, lock=lock)
    version = _version(session, row, reference)
    return _endpoint(row, version) if version is not None else None


def add(session: Session, project_id: int, user_id: int, name: str, wishes: Wishes) -> Endpoint:
    """A new endpoint with its version 1; raises `NameTaken`."""
    assert wishes.query is not None
    _check_default({}, wishes.endpoint)
    row = EndpointRow(project_id=project_id, name=name, created_by=user_id, current_version=0, **wishes.endpoint)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise NameTaken(name) from error
    settings = {"data_freshness_seconds": DEFAULT_FRESHNESS, **wishes.version}
    version = _add_version(session, row, user_id, wishes.query, settings)
    bump(session, subject(project_id))
    return _endpoint(row, version)


def change(
    session: Session, project_id: int, user_id: int, found: tuple[str, int | None], wishes: Wishes
) -> tuple[Endpoint, bool]:
    """Set what is wished on the endpoint of that name (and version); and whether that made a new version.

    The row is locked first: of two changes at once the second sees what the first has done.
    """
    name, number = found
    row = _row(session, project_id, name, lock=True)
    _check_default(row.aliases, wishes.endpoint)
    version = _version(session, row, number)
    if version is None:
        raise no_endpoint(name)
    made = wishes.query is not None and not same_query(wishes.query.query, version.query)
    if made and wishes.query is not None:
        inherited = {field: getattr(version, field) for field in _INHERITED}
        version = _add_version(session, row, user_id, wishes.query, {**inherited, **wishes.version})
    _set(row, wishes.endpoint)
    if not made:
        _set(version, wishes.version)
    session.flush()
    bump(session, subject(project_id))
    return _endpoint(row, version), made


def point(
    session: Session, project_id: int, name: str, alias: str, reference: int | str | None
) -> tuple[Endpoint, Endpoint] | None:
    """Let an alias mean a version, or with `None` nothing; the endpoint before and after, with that version shown.

    `None` when there is no such version. Raises `NotFound` for the endpoint, `InvalidInput` for an alias that is the
    default and cannot go, and `KeyError` for one to forget that there is not.
    """
    row = _row(session, project_id, name, lock=True)
    version = _version(session, row, row.aliases[alias] if reference is None else reference)
    if version is None:
        return None
    before = _endpoint(row, version)
    kept = {other: number for other, number in row.aliases.items() if other != alias}
    if reference is None and row.default_alias == alias:
        raise InvalidInput(f"{alias} is the default of this endpoint: change default_alias first.", attr="alias")
    _set(row, {"aliases": kept if reference is None else kept | {alias: version.number}})
    session.flush()
    bump(session, subject(project_id))
    return before, _endpoint(row, version)


def refreshed(session: Session, endpoint: Endpoint) -> Endpoint:
    """The same endpoint and version as they are now, within the transaction."""
    row, version = session.get_one(EndpointRow, endpoint.id), session.get_one(VersionRow, endpoint.version.id)
    return _endpoint(row, version)


def delete(session: Session, project_id: int, name: str) -> None:
    """Hide an endpoint and free its name; raises `NotFound`."""
    row = _row(session, project_id, name, lock=True)
    _set(row, {"deleted": True, "is_active": False})
    bump(session, subject(project_id))


def describe(session: Session, version_id: UUID, columns: Sequence[Mapping[str, str]]) -> None:
    """Keep a version's columns, found out later than its making."""
    session.execute(update(VersionRow).where(VersionRow.id == version_id).values(columns=list(columns)))


def last_executions(session: Session, project_id: int, names: Sequence[str]) -> dict[str, datetime]:
    """When endpoints last ran, by name; those that never ran, or are not there, are left out."""
    found: dict[str, datetime] = {}
    for start in range(0, len(names), _AT_ONCE):
        chosen = select(EndpointRow.name, EndpointRow.last_executed_at).where(
            EndpointRow.project_id == project_id,
            EndpointRow.deleted.is_(False),
            EndpointRow.last_executed_at.is_not(None),
            EndpointRow.name.in_(names[start : start + _AT_ONCE]),
        )
        found |= {name: at for name, at in session.execute(chosen) if at is not None}
    return found


def note_executions(session: Session, ran: Iterable[tuple[UUID, UUID, datetime]], apart: timedelta) -> None:
    """Keep when endpoints and versions last ran, where what is kept is older by `apart`."""
    for endpoint_id, version_id, at in ran:
        for kind, identifier in ((EndpointRow, endpoint_id), (VersionRow, version_id)):
            stale = or_(kind.last_executed_at.is_(None), kind.last_executed_at <= at - apart)
            session.execute(update(kind).where(kind.id == identifier, stale).values(last_executed_at=at))


def same_query(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two normalized queries are the same JSON; Python alone takes 1 for true."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def _row(session: Session, project_id: int, name: str, *, lock: bool = False) -> EndpointRow:
    chosen = select(EndpointRow).where(
        EndpointRow.project_id == project_id, EndpointRow.name == name, EndpointRow.deleted.is_(False)
    )
    row = session.scalars(chosen.with_for_update() if lock else chosen).one_or_none()
    if row is None:
        raise no_endpoint(name)
    return row


def _version(session: Session, row: EndpointRow, reference: int | str | None) -> VersionRow | None:
    if reference is None or reference == LATEST:
        number = row.current_version
    elif isinstance(reference, int):
        number = reference
    elif reference in row.aliases:
        number = row.aliases[reference]
    else:
        raise no_alias(reference)
    if not 1 <= number <= row.current_version:
        return None
    chosen = select(VersionRow).where(VersionRow.endpoint_id == row.id, VersionRow.number == number)
    return session.scalars(chosen).one_or_none()


def _add_version(
    session: Session, row: EndpointRow, user_id: int, prepared: Prepared, settings: Mapping[str, Any]
) -> VersionRow:
    number = row.current_version + 1
    version = VersionRow(
        endpoint_id=row.id,
        number=number,
        query=dict(prepared.query),
        columns=None if prepared.columns is None else list(prepared.columns),
        created_by=user_id,
        obstacle=prepared.obstacle,
        **{**settings, "is_active": True},
    )
    session.add(version)
    _set(row, {"current_version": number})
    session.flush()
    return version


def _check_default(aliases: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    alias = said.get("default_alias")
    if alias is not None and alias not in aliases:
        raise InvalidInput("default_alias must be an alias that the endpoint has, or null.", attr="default_alias")


def _set(row: EndpointRow | VersionRow, values: Mapping[str, Any]) -> None:
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed:
        row.updated_at = now()


def _equal(kind: type[EndpointRow | VersionRow], filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [getattr(kind, name) == value for name, value in filters.items()]


def _endpoint(row: EndpointRow, version: VersionRow) -> Endpoint:
    return Endpoint(
        row.id,
        row.project_id,
        row.name,
        row.is_active,
        row.current_version,
        row.derived_from_insight,
        tuple(row.tags),
        row.created_by,
        row.created_at,
        row.updated_at,
        row.last_executed_at,
        _record(version),
        row.rate_limit,
        dict(row.aliases),
        row.default_alias,
    )


def _record(row: VersionRow) -> Version:
    return Version(
        row.id,
        row.number,
        row.query,
        row.description,
        row.data_freshness_seconds,
        row.is_active,
        row.columns,
        row.optional_breakdown_properties,
        row.created_by,
        row.created_at,
        row.updated_at,
        row.last_executed_at,
        _materialization(row.materialization) if row.materialization is not None else None,
        row.obstacle,
        row.stale_while_revalidate_seconds,
        row.append_only_column,
    )


def _materialization(row: MaterializationRow) -> Materialization:
    served = [Served(Piece.from_json(table["piece"]), table["physical"]) for table in row.tables]
    return Materialization(
        row.id,
        row.status,
        row.error,
        row.bucket_overrides,
        Tables(served, row.outputs) if served else None,
        row.sources,
        row.materialized_at,
        row.row_count,
        row.bytes_on_disk,
        row.hibernated_at,
        row.refreshed,
    )
