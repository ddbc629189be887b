"""The shelf of table rows: reads and writes within the caller's transaction, records out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from hedgerow.activity import Activity, Change, detail, differences
from hedgerow.kit.errors import NotFound
from hedgerow.store import revisions
from hedgerow.store.secrets import Secrets
from hedgerow.warehouse.errors import NameTaken
from hedgerow.warehouse.names import Taken
from hedgerow.warehouse.records import CredentialRecord, KeptColumn, Keys, TableRecord
from hedgerow.warehouse.rows import CredentialRow, TableRow

_SCOPE = "DataWarehouseTable"


def subject(project_id: int) -> str:
    """The revision subject of a project's catalog."""
    return f"catalog:{project_id}"


class Shelf:
    """Rows of tables and credentials. `taken` are other rooms' claims on names."""

    def __init__(self, secrets: Secrets, taken: Sequence[Taken] = ()) -> None:
        self._secrets, self._taken = secrets, tuple(taken)

    def page(
        self, session: Session, project_id: int, search: str, limit: int, offset: int
    ) -> tuple[int, list[TableRecord]]:
        """How many there are, and one page of them, newest first. Every word of `search` must be in a name."""
        rules = [TableRow.project_id == project_id, TableRow.deleted.is_(False), *_searched(search)]
        count = session.scalar(select(func.count()).select_from(TableRow).where(*rules)) or 0
        chosen = select(TableRow).where(*rules).order_by(TableRow.created_at.desc(), TableRow.id.desc())
        rows = session.scalars(chosen.limit(limit).offset(offset)).all()
        return count, _records(session, rows)

    def live(self, session: Session, project_id: int) -> list[TableRecord]:
        """All of a project's tables."""
        chosen = select(TableRow).where(TableRow.project_id == project_id, TableRow.deleted.is_(False))
        return _records(session, session.scalars(chosen).all())

    def get(self, session: Session, project_id: int, table_id: UUID) -> TableRecord:
        """One table; raises `NotFound`."""
        return _records(session, [_row(session, project_id, table_id)])[0]

    def by_ids(self, session: Session, project_id: int, ids: Iterable[UUID]) -> dict[UUID, TableRecord]:
        """Those tables of a project that are there."""
        rules = (TableRow.project_id == project_id, TableRow.id.in_(list(ids)), TableRow.deleted.is_(False))
        return {
            record.id: record for record in _records(session, session.scalars(select(TableRow).where(*rules)).all())
        }

    def named(self, session: Session, project_id: int, name: str) -> TableRecord | None:
        """The table of that name."""
        chosen = select(TableRow).where(
            TableRow.project_id == project_id, TableRow.name == name, TableRow.deleted.is_(False)
        )
        row = session.scalars(chosen).one_or_none()
        return _records(session, [row])[0] if row else None

    def check_name(self, session: Session, project_id: int, name: str, own: UUID | None = None) -> None:
        """Raises `NameTaken` when another table, or something of another room, has the name."""
        other = self.named(session, project_id, name)
        if (other is not None and other.id != own) or self.taken_elsewhere(session, project_id, name):
            raise NameTaken()

    def taken_elsewhere(self, session: Session, project_id: int, name: str) -> bool:
        """Whether another room holds the name."""
        return any(taken(session, project_id, name) for taken in self._taken)

    def add(self, session: Session, project_id: int, values: Mapping[str, Any]) -> TableRecord:
        """A new table; a clash of names that only the store can see is an `IntegrityError` of SQLAlchemy's."""
        row = TableRow(project_id=project_id, **_plain(values))
        session.add(row)
        session.flush()
        revisions.bump(session, subject(project_id))
        record = _records(session, [row])[0]
        _note(session, row.created_by, None, record)
        return record

    def change(
        self, session: Session, project_id: int, table_id: UUID, values: Mapping[str, Any], by: int | None = None
    ) -> TableRecord:
        """Set some of a table's values, as the wish of the user `by`; raises `NotFound`.

        Of new rows that a source brings the activity log says nothing: they come every few minutes.
        """
        row = _row(session, project_id, table_id)
        before = _records(session, [row])[0]
        for name, value in _plain(values).items():
            setattr(row, name, value)
        session.flush()
        revisions.bump(session, subject(project_id))
        record = _records(session, [row])[0]
        if record.schema_id is None or before.columns != record.columns or record.deleted:
            _note(session, by, before, record)
        return record

    def add_keys(self, session: Session, project_id: int, user_id: int | None, keys: Keys) -> UUID:
        """Keep a credential, encrypted; its id."""
        row = CredentialRow(
            project_id=project_id,
            created_by=user_id,
            access_key=self._secrets.encrypt(keys.access_key),
            access_secret=self._secrets.encrypt(keys.access_secret),
        )
        session.add(row)
        session.flush()
        return row.id

    def drop_keys(self, session: Session, credential_id: UUID) -> None:
        """Forget a credential."""
        row = session.get(CredentialRow, credential_id)
        if row is not None:
            session.delete(row)

    def keys(self, session: Session, ids: Sequence[UUID]) -> dict[UUID, Keys]:
        """Credentials in plain text, by id."""
        rows = session.scalars(select(CredentialRow).where(CredentialRow.id.in_(ids))).all() if ids else []
        plain = self._secrets.decrypt
        return {row.id: Keys(plain(row.access_key), plain(row.access_secret)) for row in rows}

    def claims(self, session: Session) -> tuple[dict[int, set[str]], set[str]]:
        """What live rows hold: physical tables by project (also of projects that have none left), and file keys."""
        tables: dict[int, set[str]] = {}
        files: set[str] = set()
        for row in session.execute(select(TableRow.project_id, TableRow.deleted, TableRow.physical, TableRow.file_key)):
            held = tables.setdefault(row.project_id, set())
            if not row.deleted:
                held |= {row.physical} - {None}
                files |= {row.file_key} - {None}
        return tables, files


def _searched(search: str) -> list[ColumnElement[bool]]:
    words = search.replace("\x00", "").replace(",", " ").split()
    return [TableRow.name.icontains(word, autoescape=True) for word in words]


def _row(session: Session, project_id: int, table_id: UUID) -> TableRow:
    row = session.get(TableRow, table_id)
    if row is None or row.project_id != project_id or row.deleted:
        raise NotFound()
    return row


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as rows hold them."""
    return {n: [asdict(column) for column in v] if n == "columns" else v for n, v in values.items()}


def _records(session: Session, rows: Sequence[TableRow]) -> list[TableRecord]:
    ids = [row.credential_id for row in rows if row.credential_id]
    found = session.scalars(select(CredentialRow).where(CredentialRow.id.in_(ids))).all() if ids else []
    credentials = {c.id: CredentialRecord(c.id, c.created_by, c.created_at) for c in found}
    return [_record(row, credentials.get(row.credential_id) if row.credential_id else None) for row in rows]


def _record(row: TableRow, credential: CredentialRecord | None) -> TableRecord:
    return TableRecord(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        format=row.format,
        url_pattern=row.url_pattern,
        columns=tuple(KeptColumn(**column) for column in row.columns),
        options=row.options,
        deleted=row.deleted,
        created_by=row.created_by,
        created_at=row.created_at,
        created_via=row.created_via,
        credential=credential,
        physical=row.physical,
        file_key=row.file_key,
        row_count=row.row_count,
        size_bytes=row.size_bytes,
        schema_id=row.schema_id,
    )


def _note(session: Session, user_id: int | None, before: TableRecord | None, after: TableRecord) -> None:
    """A table that was made, changed or deleted; nothing when no field differs."""
    deleted = after.deleted and before is not None and not before.deleted
    activity = "deleted" if deleted else "updated" if before else "created"
    fields = [] if deleted else differences(_SCOPE, _told(before), _told(after), masked={"credential"})
    if fields or deleted:
        told = detail(after.name, fields)
        Activity().note(session, Change(after.project_id, user_id, _SCOPE, str(after.id), activity, told))


def _told(record: TableRecord | None) -> dict[str, Any]:
    """What of a table is told: not where its rows are kept."""
    if record is None:
        return {}
    return {
        "name": record.name,
        "format": record.format,
        "url_pattern": record.url_pattern,
        "options": record.options,
        "columns": {column.name: column.hogql for column in record.columns},
        "credential": record.credential.id if record.credential else None,
        "row_count": record.row_count,
        "file": record.file_name or None,
    }
