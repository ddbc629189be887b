"""Encrypts everything that is stored encrypted anew, with the key that is first now."""

from sqlalchemy import Column, Table, select, update
from sqlalchemy.orm import Session

from hedgerow.store.base import Base
from hedgerow.store.secrets import Secrets

ENCRYPTED = {"encrypted": True}
"""What a column's `info` says when its values were encrypted by `Secrets`; the rooms' `rows.py` say it."""


def rotate(session: Session, secrets: Secrets) -> int:
    """Every value of every such column; how many there were. Raises `SecretUnreadable`, and then nothing is kept."""
    return sum(
        _rotated(session, secrets, table, [column for column in table.columns if column.info.get("encrypted")])
        for table in Base.metadata.sorted_tables
    )


def _rotated(session: Session, secrets: Secrets, table: Table, columns: list[Column[str]]) -> int:
    if not columns:
        return 0
    (key,) = table.primary_key.columns
    found = session.execute(select(key, *columns).with_for_update()).all()
    for identity, *values in found:
        anew = {column: secrets.rotated(value) for column, value in zip(columns, values, strict=True)}
        session.execute(update(table).where(key == identity).values(anew))
    return len(found) * len(columns)
