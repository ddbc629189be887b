"""The shelf of insight variables: reads and writes within the caller's transaction, frozen records out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hedgerow.activity import Activity, Change, detail, differences
from hedgerow.kit.errors import InvalidInput, NotFound
from hedgerow.store.revisions import bump
from hedgerow.variables.rows import VariableRow

_SCOPE = "InsightVariable"
_TAKEN = "Variable with name already exists"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable; `code_name` is what queries call it: `{variables.code_name}`."""

    id: UUID
    name: str
    code_name: str
    type: str
    default_value: Any
    values: list[Any] | None
    created_by: int | None
    created_at: datetime


class Variables:
    """A project's variables. Changes bump `variables:<project id>`."""

    def page(self, session: Session, project_id: int, limit: int, offset: int) -> tuple[int, list[Variable]]:
        """How many there are, and one page of them in the order they were made."""
        count = session.scalar(select(func.count()).where(VariableRow.project_id == project_id)) or 0
        chosen = select(VariableRow).where(VariableRow.project_id == project_id)
        rows = session.scalars(chosen.order_by(VariableRow.created_at, VariableRow.id).limit(limit).offset(offset))
        return count, [_record(row) for row in rows]

    def get(self, session: Session, project_id: int, variable_id: UUID) -> Variable:
        """One; raises `NotFound`."""
        return _record(_row(session, project_id, variable_id))

    def by_ids(self, session: Session, project_id: int, ids: Iterable[UUID]) -> dict[UUID, Variable]:
        """Those of `ids` that exist."""
        chosen = select(VariableRow).where(VariableRow.project_id == project_id, VariableRow.id.in_(list(ids)))
        return {row.id: _record(row) for row in session.scalars(chosen)}

    def by_code_names(self, session: Session, project_id: int, names: Iterable[str]) -> dict[str, Variable]:
        """Those of `names` that exist."""
        chosen = select(VariableRow).where(VariableRow.project_id == project_id, VariableRow.code_name.in_(list(names)))
        return {row.code_name: _record(row) for row in session.scalars(chosen)}

    def add(self, session: Session, project_id: int, user_id: int, values: Mapping[str, Any]) -> Variable:
        """A new one; raises `InvalidInput` when its code name is taken."""
        code_name = code_name_of(values["name"])
        # Held until the end of the transaction, so that two makers of one name queue up.
        bump(session, subject(project_id))
        if self.by_code_names(session, project_id, [code_name]):
            raise InvalidInput(_TAKEN)
        row = VariableRow(project_id=project_id, created_by=user_id, code_name=code_name, **values)
        session.add(row)
        session.flush()
        _note(session, row, user_id, "created", {})
        return _record(row)

    def change(
        self, session: Session, project_id: int, variable_id: UUID, user_id: int, values: Mapping[str, Any]
    ) -> Variable:
        """Set what is given; the code name stays."""
        row = _row(session, project_id, variable_id)
        before = _fields(row)
        for name, value in values.items():
            setattr(row, name, value)
        bump(session, subject(project_id))
        session.flush()
        _note(session, row, user_id, "updated", before)
        return _record(row)

    def delete(self, session: Session, project_id: int, variable_id: UUID, user_id: int) -> None:
        """Forget one; raises `NotFound`."""
        row = _row(session, project_id, variable_id)
        session.delete(row)
        _note(session, row, user_id, "deleted", _fields(row))
        bump(session, subject(project_id))


def subject(project_id: int) -> str:
    """The revision subject of a project's variables."""
    return f"variables:{project_id}"


def code_name_of(name: str) -> str:
    """`Test 1` → `test_1`: letters, digits and spaces stay, a space becomes `_`."""
    kept = "".join(character for character in name if character.isalnum() or character in " _")
    return kept.replace(" ", "_").lower()


def _row(session: Session, project_id: int, variable_id: UUID) -> VariableRow:
    row = session.get(VariableRow, variable_id)
    if row is None or row.project_id != project_id:
        raise NotFound()
    return row


def _fields(row: VariableRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "code_name", "type", "default_value", "values")}


def _note(session: Session, row: VariableRow, user_id: int, activity: str, before: Mapping[str, Any]) -> None:
    """Tell the activity log, unless nothing has changed."""
    fields = differences(_SCOPE, before, _fields(row))
    if fields or activity == "deleted":
        told = detail(row.name, fields)
        Activity().note(session, Change(row.project_id, user_id, _SCOPE, str(row.id), activity, told))


def _record(row: VariableRow) -> Variable:
    return Variable(
        row.id, row.name, row.code_name, row.type, row.default_value, row.values, row.created_by, row.created_at
    )
