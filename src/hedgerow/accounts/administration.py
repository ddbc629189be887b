"""What the command line does with accounts, straight on the metadata store, whether a server runs or not."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.accounts import directory, keys
from hedgerow.accounts.first_start import prepare
from hedgerow.accounts.rows import ProjectRow, UserRow
from hedgerow.kit.errors import NotFound
from hedgerow.kit.settings import Settings
from hedgerow.store import Store


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project as the command line lists it."""

    id: int
    name: str
    timezone: str
    api_token: str


def store_url(settings: Settings) -> str:
    """The setting, or a SQLite file in the home folder."""
    return settings.database_url.get_secret_value() or f"sqlite:///{settings.home_path / 'metadata.sqlite'}"


def make_home(home: Path) -> None:
    """The home folder, for its owner only."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _opened(settings: Settings) -> Iterator[Session]:
    make_home(settings.home_path)
    store = Store(store_url(settings))
    try:
        store.migrate()
        with store.write() as session:
            prepare(session, settings.bootstrap_key.get_secret_value(), with_key=False)
            yield session
    finally:
        store.dispose()


def create_key(settings: Settings, label: str, scopes: Sequence[str], projects: Sequence[int]) -> str:
    """A new key of the first user; its value."""
    with _opened(settings) as session:
        wishes = keys.KeyWishes(label, list(scopes), list(projects) or None)
        return keys.create(session, _first_user(session).id, wishes)[1]


def list_keys(settings: Settings) -> list[keys.Key]:
    with _opened(settings) as session:
        return keys.listed(session)


def revoke_key(settings: Settings, name: str) -> keys.Key:
    """End the key with that id or label; raises `NotFound` when there is none, or more than one."""
    with _opened(settings) as session:
        found = [key for key in keys.listed(session) if name in {str(key.id), key.label, key.mask}]
        if len(found) != 1:
            raise NotFound(f"{len(found)} keys are named {name}: name one by its id." if found else "No such key.")
        keys.revoke(session, UUID(str(found[0].id)))
        return found[0]


def create_project(settings: Settings, name: str, timezone: str) -> ProjectLine:
    """A project in the first organization."""
    with _opened(settings) as session:
        organization, _ = directory.organizations(session, _first_user(session).id)[0]
        return _line(directory.create_project(session, organization.id, name, timezone))


def list_projects(settings: Settings) -> list[ProjectLine]:
    with _opened(settings) as session:
        return [_line(row) for row in session.scalars(select(ProjectRow).order_by(ProjectRow.id))]


def _first_user(session: Session) -> UserRow:
    return session.scalars(select(UserRow).order_by(UserRow.id).limit(1)).one()


def _line(row: ProjectRow) -> ProjectLine:
    return ProjectLine(row.id, row.name, row.timezone, row.api_token)
