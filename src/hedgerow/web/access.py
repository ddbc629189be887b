"""Who is asking, what they may do, and for which project: the gate in front of every private route."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of the credentials. `scopes`: `None` is everything. `projects`, `organizations`: limits if any."""

    user_id: int
    key_id: str
    scopes: frozenset[str] | None
    projects: frozenset[int] | None = None
    organizations: frozenset[UUID] | None = None
    current_project: int | None = None
    member_projects: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Access:
    """A principal let through the gate, on one project."""

    principal: Principal
    project_id: int


class Authenticator(Protocol):
    """Turns a key into a principal; `accounts` implements it, `app.py` binds it."""

    async def authenticate(self, key: str) -> Principal | None:
        """The key's owner, or `None` for a key that is unknown, revoked or expired."""
        ...


class Gate(Protocol):
    """Makes route dependencies. `web.gate` implements it."""

    def project(self, scope: str | None, *, bucket: str = "default") -> Callable[[Request], Awaitable[Access]]:
        """A dependency for `/api/projects/{project_id}/…`: key good, scope held, project theirs, throttle counted."""
        ...

    def user(self, scope: str | None) -> Callable[[Request], Awaitable[Principal]]:
        """A dependency for routes outside a project."""
        ...


UserCard = Mapping[str, object]
"""The API's `UserBasic` object: id, uuid, distinct_id, first_name, last_name, email, is_email_verified,
hedgehog_config, role_at_organization."""


class UserCards(Protocol):
    """Looks up `UserBasic` objects for `created_by` fields; `accounts` implements it."""

    def cards(self, user_ids: set[int]) -> Mapping[int, UserCard]:
        """The cards of those users that exist."""
        ...
