"""The first start: one user, one organization, project 1 and one key that may do everything."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hedgerow.accounts import directory, keys
from hedgerow.accounts.rows import KeyRow, UserRow
from hedgerow.kit.ids import uuid7


def prepare(session: Session, bootstrap_key: str = "", *, with_key: bool = True) -> str | None:
    """Make what an empty store needs; the value of a key made now that nobody chose, else `None`.

    A `bootstrap_key` is installed whenever it is not there yet, also later: automation may set it on every start.
    """
    user = session.scalars(select(UserRow).order_by(UserRow.id).limit(1)).first()
    if user is None:
        user = _people(session)
    if bootstrap_key:
        _install(session, user.id, keys.checked_value(bootstrap_key))
        return None
    if not with_key or session.scalar(select(func.count()).select_from(KeyRow)):
        return None
    return keys.create(session, user.id, keys.KeyWishes("first key", ["*"]))[1]


def _people(session: Session) -> UserRow:
    identifier = uuid7()
    user = UserRow(
        uuid=identifier,
        distinct_id=identifier.hex,
        first_name="Hedgerow",
        email="admin@localhost",
        current_project_id=1,
    )
    session.add(user)
    session.flush()
    organization = directory.create_organization(session, user.id, "Default organization")
    user.current_project_id = directory.create_project(session, organization.id, "Default project").id
    return user


def _install(session: Session, user_id: int, value: str) -> None:
    there = session.scalar(select(KeyRow.id).where(KeyRow.hash == keys.digest(value)))
    if there is None:
        keys.create(session, user_id, keys.KeyWishes("bootstrap", ["*"]), value)
