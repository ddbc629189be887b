"""Who is asking, what they may do, and for which project: the gate in front of every private route."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from starlette.requests import Request

from hedgerow.kit.rates import Charge, Rate


class Kind(Enum):
    """What sort of credentials came; the value is its name in error texts."""

    PERSON = "Personal API Key"
    PROJECT = "project secret API key"
    BROWSER = "endpoint token"


ITSELF = "itself"
"""In a scope's place: what every key may be told, about itself."""

PEOPLE = frozenset({Kind.PERSON})
ANYONE = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows on one endpoint: `versions` (`None` is any), with `values` of variables fixed by name."""

    versions: frozenset[int] | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a token ties its holder to. `grants` by endpoint; `rate` is counted for all tokens of one `subject`.

    `named`: whom the token is for, in the words of whoever made it; empty where that is not said.
    """

    grants: Mapping[str, Grant]
    subject: str
    rate: Rate | None = None
    named: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who the credentials stand for. `scopes`: `None` is everything. `projects`, `organizations`: limits if any.

    `user_id` is 0 for credentials that are not a person's; only tokens have `bounds`.
    """

    user_id: int
    key_id: str
    scopes: frozenset[str] | None
    projects: frozenset[int] | None = None
    organizations: frozenset[UUID] | None = None
    current_project: int | None = None
    member_projects: frozenset[int] = frozenset()
    kind: Kind = Kind.PERSON
    bounds: Bounds | None = None


Admit = Callable[[str, Sequence[Charge]], Awaitable[None]]


async def _admit_all(_bucket: str, _charges: Sequence[Charge]) -> None:
    """Where nobody counts."""


class Access(NamedTuple):
    """A principal let through the gate, on one project.

    A route that is guarded with `bucket=None` counts its request itself, by `await access.admit(bucket, charges)`,
    once it knows which; that raises `Throttled`.
    """

    principal: Principal
    project_id: int
    admit: Admit = _admit_all


class Authenticator(Protocol):
    """Turns a key into a principal; `accounts` implements it, `app.py` binds it."""

    def recall(self, key: str) -> Principal | None:
        """The key's owner if that is fresh in memory: costs no more than a look."""
        ...

    def recaller(self, key: str) -> Callable[[], Principal | None]:
        """Recalls the same key again and again, without holding it."""
        ...

    async def authenticate(self, key: str) -> Principal | None:
        """The key's owner, or `None` for a key that is unknown or revoked.

        Raises `AuthenticationFailed` for a token that is not good, with the reason.
        """
        ...


class Standing(Protocol):
    """Lets the same request in again, without waiting for anybody."""

    def holds(self) -> bool:
        """Whether its key still stands for the same principal, as far as memory tells."""
        ...

    def admit(self, bucket: str, charges: Sequence[Charge]) -> Mapping[str, str]:
        """Count it; the headers that tell how it stands with its rates. Raises `Throttled`."""
        ...


class Gate(Protocol):
    """Makes route dependencies. `web.gate` implements it."""

    def project(
        self, scope: str | None, *, bucket: str | None = "default", kinds: frozenset[Kind] = PEOPLE
    ) -> Callable[[Request], Awaitable[Access]]:
        """A dependency for `/api/projects/{project_id}/…`: key good and of one of those kinds, scope held, project
        theirs, throttle counted (unless `bucket` is `None`: then by the route)."""
        ...

    def standing(self, request: Request, access: Access) -> Standing | None:
        """For requests of the same bytes as this one, which was let in; `None` where somebody must be asked."""
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
