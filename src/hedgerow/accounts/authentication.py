"""Keys to principals, from memory: at most a second behind other processes, at once for this one."""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hedgerow.accounts import directory, keys, secret_keys, tokens
from hedgerow.accounts.rows import ProjectRow
from hedgerow.accounts.signing import SigningKeys
from hedgerow.kit.clock import now
from hedgerow.store import Secrets, Store
from hedgerow.store.revisions import Remembered, current
from hedgerow.web.access import Kind, Principal, UserCard

_REMEMBERED = 10_000
_USE_NOTED = timedelta(hours=1)


class Accounts:
    """Keeps `web.access.Authenticator`, `web.access.UserCards` and `web.gate.Projects`."""

    def __init__(self, store: Store, secrets: Secrets, token_seconds: int) -> None:
        """`token_seconds`: the longest a token may live."""
        self._store, self._token_seconds = store, token_seconds
        self.signing = SigningKeys(secrets)
        # One revision for all keys: a change empties the memory, and changes are rare.
        self._generation = Remembered[str, "_Memory"](self._revision, lambda _subject: _Memory())

    def recall(self, key: str) -> Principal | None:
        return self.recaller(key)()

    def recaller(self, key: str) -> Callable[[], Principal | None]:
        digest = keys.digest(key)

        def recall() -> Principal | None:
            memory = self._generation.peek(keys.SUBJECT)
            known = memory.recall(digest) if memory else None
            return known.principal if known else None

        return recall

    async def authenticate(self, key: str) -> Principal | None:
        memory = self._generation.peek(keys.SUBJECT) or await self._generation.fetch(keys.SUBJECT)
        known = memory.recall(keys.digest(key))
        if known is None:
            known = await asyncio.to_thread(self._look_up, key)
            memory.keep(keys.digest(key), known)
        return known.principal

    async def organization_of(self, project_id: int) -> UUID | None:
        """The organization a project belongs to, or `None` when there is no such project."""
        return await asyncio.to_thread(self._organization_of, project_id)

    def cards(self, user_ids: set[int]) -> Mapping[int, UserCard]:
        with self._store.read() as session:
            return directory.cards(session, user_ids)

    def timezone_of(self, project_id: int) -> ZoneInfo:
        """The time zone whose days and hours a project's are. Blocking."""
        with self._store.read() as session:
            row = session.get(ProjectRow, project_id)
            return ZoneInfo(row.timezone if row else "UTC")

    def changed(self) -> None:
        """This process has changed keys, projects or memberships: see it at once."""
        self._generation.forget(keys.SUBJECT)

    def _organization_of(self, project_id: int) -> UUID | None:
        with self._store.read() as session:
            row = session.get(ProjectRow, project_id)
            return row.organization_id if row else None

    def _revision(self, subject: str) -> int:
        with self._store.read() as session:
            return current(session, subject)

    def _look_up(self, value: str) -> "_Known":
        if value.startswith(secret_keys.PREFIX):
            return self._secret(value)
        if tokens.looks_like_one(value):
            return self._token(value)
        return self._personal(value)

    def _token(self, text: str) -> "_Known":
        with self._store.read() as session:
            principal, end = tokens.verified(session, self.signing, text, self._token_seconds)
        return _Known(principal, end - time.time())

    def _secret(self, value: str) -> "_Known":
        with self._store.read() as session:
            key = secret_keys.owner(session, value)
        if key is None:
            return _Known(None)
        if key.last_used_at is None or now() - key.last_used_at > _USE_NOTED:
            with self._store.write() as session:
                secret_keys.touch(session, key.id)
        project = frozenset({key.project_id})
        return _Known(
            Principal(
                user_id=0,
                key_id=str(key.id),
                scopes=frozenset(key.scopes),
                projects=project,
                current_project=key.project_id,
                member_projects=project,
                kind=Kind.PROJECT,
            )
        )

    def _personal(self, value: str) -> "_Known":
        with self._store.read() as session:
            found = keys.owner(session, value)
            if found is None:
                return _Known(None)
            key, user = found
            principal = Principal(
                user_id=user.id,
                key_id=str(key.id),
                scopes=None if key.scopes is None else frozenset(key.scopes),
                projects=None if key.projects is None else frozenset(key.projects),
                organizations=None if key.organizations is None else frozenset(map(UUID, key.organizations)),
                current_project=user.current_project_id,
                member_projects=directory.project_ids(session, user.id),
            )
        if key.last_used_at is None or now() - key.last_used_at > _USE_NOTED:
            with self._store.write() as session:
                keys.touch(session, key.id)
        return _Known(principal)


class _Known:
    """A principal, or that there is none, until it has to be looked up again: to note its use, or as it has ended."""

    __slots__ = ("principal", "until")

    def __init__(self, principal: Principal | None, seconds: float = _USE_NOTED.total_seconds()) -> None:
        self.principal = principal
        self.until = time.monotonic() + min(seconds, _USE_NOTED.total_seconds())


class _Memory:
    """What is known of keys by their digest, the longest unused forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, digest: str) -> _Known | None:
        known = self._known.get(digest)
        return known if known and known.until > time.monotonic() else None

    def keep(self, digest: str, known: _Known) -> None:
        with self._lock:
            self._known[digest] = known
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
