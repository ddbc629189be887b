"""What the command line does with accounts, straight on the metadata store, whether a server runs or not."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hedgerow.accounts import directory, keys, secret_keys, tokens
from hedgerow.accounts.first_start import prepare
from hedgerow.accounts.rows import ProjectRow, UserRow
from hedgerow.accounts.signing import SigningKeys
from hedgerow.kit.errors import NotFound
from hedgerow.kit.settings import Settings
from hedgerow.store import Store, open_secrets


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
def _store(settings: Settings) -> Iterator[Store]:
    make_home(settings.home_path)
    store = Store(store_url(settings))
    try:
        store.migrate()
        with store.write() as session:
            prepare(session, settings.bootstrap_key.get_secret_value(), with_key=False)
        yield store
    finally:
        store.dispose()


@contextmanager
def _opened(settings: Settings) -> Iterator[Session]:
    with _store(settings) as store, store.write() as session:
        yield session


def create_key(settings: Settings, label: str, scopes: Sequence[str], projects: Sequence[int]) -> str:
    """A new key of the first user; its value."""
    with _opened(settings) as session:
        wishes = keys.KeyWishes(label, list(scopes), list(projects) or None)
        return keys.create(session, _first_user(session).id, wishes)[1]


def list_keys(settings: Settings) -> list[keys.Key]:
    with _opened(settings) as session:
        return keys.listed(session)


def create_secret_key(settings: Settings, label: str, scopes: Sequence[str], project: int) -> str:
    """A new secret key of a project; its value."""
    with _opened(settings) as session:
        return secret_keys.create(session, project, _first_user(session).id, label, scopes)[1]


def list_secret_keys(settings: Settings) -> list[secret_keys.SecretKey]:
    with _opened(settings) as session:
        return secret_keys.listed(session)


def create_token(settings: Settings, project: int, wished: Callable[[Store], tokens.Wish]) -> str:
    """A token for browsers, signed with the project's own key. `wished` checks what is wanted against the store."""
    with _store(settings) as store:
        secrets = open_secrets(settings.secret_key.get_secret_value(), settings.home_path)
        with store.read() as session:
            if session.get(ProjectRow, project) is None:
                raise NotFound(f"Project {project} does not exist.")
        wish = wished(store)
        with store.write() as session:
            return tokens.signed(SigningKeys(secrets).own(session, project), wish, None)[0]


def revoke_key(settings: Settings, name: str) -> str:
    """End the key with that id or label; the label. Raises `NotFound` when there is none, or more than one."""
    with _opened(settings) as session:
        both: list[keys.Key | secret_keys.SecretKey] = [*keys.listed(session), *secret_keys.listed(session)]
        found = [key for key in both if name in {str(key.id), key.label, key.mask}]
        if len(found) != 1:
            raise NotFound(f"{len(found)} keys are named {name}: name one by its id." if found else "No such key.")
        revoke = keys.revoke if isinstance(found[0], keys.Key) else secret_keys.revoke
        revoke(session, found[0].id)
        return found[0].label


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
