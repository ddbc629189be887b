"""The gate in front of every private route: key, scope, project, membership, rate; from memory alone when it can."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from starlette.requests import Request

from hedgerow.kit.errors import AuthenticationFailed, NotAuthenticated, NotFound, PermissionDenied
from hedgerow.kit.rates import Charge
from hedgerow.kit.stepping import at_once
from hedgerow.web import credentials
from hedgerow.web.access import ITSELF, PEOPLE, Access, Authenticator, Kind, Principal, Standing
from hedgerow.web.credentials import Credentials
from hedgerow.web.limits.refusals import Refusals
from hedgerow.web.limits.throttles import Throttles

_NO_SUCH_PROJECT = "Project not found."
_PROJECT_ENDPOINTS_ONLY = "API keys with scoped projects are only supported on project-based endpoints."
_MAX_ID = 2**63 - 1
Enter = TypeVar("Enter", bound=Callable[..., Any])


class Projects(Protocol):
    """What the gate must know of projects; `accounts` implements it, `app.py` binds it."""

    async def organization_of(self, project_id: int) -> UUID | None:
        """The organization a project belongs to, or `None` when there is no such project."""
        ...


class KeyGate:
    """`web.access.Gate` for personal keys, secret keys of projects, and tokens."""

    def __init__(
        self, authenticator: Authenticator, projects: Projects, throttles: Throttles, refusals: Refusals
    ) -> None:
        self._authenticator, self._projects = authenticator, projects
        self._throttles, self._refusals = throttles, refusals

    def project(
        self, scope: str | None, *, bucket: str | None = "default", kinds: frozenset[Kind] = PEOPLE
    ) -> Callable[[Request], Awaitable[Access]]:
        """See `web.access.Gate`."""

        async def enter(request: Request) -> Access:
            principal = await self._authenticate(request, kinds)
            _check_scope(principal, scope)
            project_id = _project_id(request.scope["path_params"]["project_id"], principal)
            await self._check_project(principal, project_id)
            admit = partial(self._count, request, principal, project_id)
            if bucket is not None:
                await admit(bucket)
            return Access(principal, project_id, admit)

        return _labelled(enter, scope)

    def user(self, scope: str | None) -> Callable[[Request], Awaitable[Principal]]:
        """See `web.access.Gate`. A key limited to projects is let in only where `scope` is about the user alone."""

        async def enter(request: Request) -> Principal:
            principal = await self._authenticate(request, PEOPLE)
            if scope != ITSELF:
                _check_scope(principal, scope)
                if principal.projects is not None and not str(scope).startswith("user:"):
                    raise PermissionDenied(_PROJECT_ENDPOINTS_ONLY)
            await self._count(request, principal, None, "default")
            return principal

        return _labelled(enter, scope)

    def standing(self, request: Request, access: Access) -> Standing | None:
        """See `web.access.Gate`."""
        principal, project_id = access.principal, access.project_id
        key = credentials.in_header(request.scope["headers"])
        asks = self._throttles.remote or principal.organizations is not None
        if not key or asks or project_id not in principal.member_projects:
            return None
        return _Standing(self._authenticator.recaller(key), principal, project_id, self._throttles)

    async def _authenticate(self, request: Request, kinds: frozenset[Kind]) -> Principal:
        found = await credentials.find(request)
        if found is None:
            raise NotAuthenticated()
        principal = self._authenticator.recall(found.key) or await self._looked_up(request, found)
        if principal.kind is not Kind.PERSON and not found.in_header:
            raise AuthenticationFailed(found.refusal)
        if principal.kind not in kinds:
            raise PermissionDenied(f"This action does not support {principal.kind.value} access")
        return principal

    async def _looked_up(self, request: Request, found: Credentials) -> Principal:
        self._refusals.check(request)
        try:
            principal = await self._authenticator.authenticate(found.key)
            if principal is None:
                raise AuthenticationFailed(found.refusal)
        except AuthenticationFailed:
            await self._refusals.note(request)
            raise
        return principal

    async def _check_project(self, principal: Principal, project_id: int) -> None:
        if principal.projects is not None and project_id not in principal.projects:
            raise PermissionDenied(f"API key does not have access to the requested project: ID {project_id}.")
        if principal.organizations is None and project_id in principal.member_projects:
            return
        organization = await self._projects.organization_of(project_id)
        if organization is None:
            raise NotFound(_NO_SUCH_PROJECT)
        if principal.organizations is not None and organization not in principal.organizations:
            raise PermissionDenied(f"API key does not have access to the requested organization: ID {organization}.")
        if project_id not in principal.member_projects:
            raise PermissionDenied("You don't have access to the project.")

    async def _count(
        self,
        request: Request,
        principal: Principal,
        project_id: int | None,
        bucket: str,
        charges: Sequence[Charge] = (),
    ) -> None:
        standing = await self._throttles.count(bucket, principal, project_id, charges)
        if standing is not None:
            request.scope["hedgerow.headers"] = standing.headers()


@dataclass(frozen=True, slots=True)
class _Standing:
    """`web.access.Standing`; a principal never changes, so one that is the same may do the same."""

    recall: Callable[[], Principal | None]
    principal: Principal
    project_id: int
    throttles: Throttles

    def holds(self) -> bool:
        return self.recall() is self.principal

    def admit(self, bucket: str, charges: Sequence[Charge]) -> Mapping[str, str]:
        standing = at_once(self.throttles.count(bucket, self.principal, self.project_id, charges))
        return {} if standing is None else standing.headers()


def holds(principal: Principal, scope: str) -> bool:
    """Whether the principal's scopes satisfy `scope`, such as `insight:read`: writing includes reading."""
    held = principal.scopes
    if held is None or "*" in held or scope in held:
        return True
    thing, _, action = scope.partition(":")
    return action == "read" and f"{thing}:write" in held


def _labelled(enter: Enter, scope: str | None) -> Enter:
    """With its scope as an attribute, for the schema to tell."""
    enter.scope = scope  # type: ignore[attr-defined]
    return enter


def _check_scope(principal: Principal, scope: str | None) -> None:
    if scope is None:
        raise PermissionDenied("This action does not support Personal API Key access")
    if not holds(principal, scope):
        raise PermissionDenied(f"API key missing required scope '{scope}'")


def _project_id(text: str, principal: Principal) -> int:
    if text == "@current":
        if principal.current_project is None:
            raise NotFound(_NO_SUCH_PROJECT)
        return principal.current_project
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > _MAX_ID:
        raise NotFound(_NO_SUCH_PROJECT)
    return int(text)
