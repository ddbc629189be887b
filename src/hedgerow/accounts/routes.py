"""The routes of the asker, organizations, projects and personal keys."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from hedgerow.accounts import directory, keys
from hedgerow.accounts.authentication import Accounts
from hedgerow.accounts.objects import key_object, organization_object, project_object, user_object
from hedgerow.kit.errors import NotFound, PermissionDenied
from hedgerow.store import Store
from hedgerow.store.revisions import bump
from hedgerow.web import pages
from hedgerow.web.access import ITSELF, Gate, Principal

Name = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
ProjectId = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""As large as the store's column is."""


class Body(BaseModel):
    """Fields that are not known are passed over, as the API does."""

    model_config = ConfigDict(extra="ignore")


class UserChange(Body):
    first_name: Annotated[str, StringConstraints(max_length=150)] | None = None
    last_name: Annotated[str, StringConstraints(max_length=150)] | None = None
    role_at_organization: Annotated[str, StringConstraints(max_length=64)] | None = None
    set_current_team: ProjectId | None = Field(None, description="Id of the project `@current` shall mean.")


class NewOrganization(Body):
    name: Name


class ProjectChange(Body):
    name: Name | None = None
    timezone: str | None = None


class NewProject(Body):
    name: Name = "Default project"
    timezone: str = "UTC"


class KeyChange(Body):
    label: str | None = None
    scopes: list[str] | None = None
    scoped_teams: list[ProjectId] | None = None
    scoped_organizations: list[UUID] | None = None


class NewKey(Body):
    label: str
    scopes: list[str]
    scoped_teams: list[ProjectId] | None = None
    scoped_organizations: list[UUID] | None = None


def router(store: Store, accounts: Accounts, gate: Gate) -> APIRouter:
    """Everything outside of a project's own resources."""
    whole = APIRouter()
    for part in (_users, _organizations, _projects, _keys):
        whole.include_router(part(store, accounts, gate))
    return whole


def _users(store: Store, accounts: Accounts, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix="/api/users", tags=["users"])
    Reader = Annotated[Principal, Depends(gate.user("user:read"))]
    Writer = Annotated[Principal, Depends(gate.user("user:write"))]

    @routes.get("/@me")
    def retrieve_user(asker: Reader) -> dict[str, Any]:
        with store.read() as session:
            return _me(session, asker)

    @routes.patch("/@me")
    def update_user(asker: Writer, change: UserChange) -> dict[str, Any]:
        with store.write() as session:
            row = directory.user(session, asker.user_id)
            for field in ("first_name", "last_name", "role_at_organization"):
                if (value := getattr(change, field)) is not None:
                    setattr(row, field, value)
            if change.set_current_team is not None:
                row.current_project_id = directory.project(session, asker.user_id, change.set_current_team).id
                bump(session, keys.SUBJECT)
            answer = _me(session, asker)
        accounts.changed()
        return answer

    return routes


def _me(session: Session, asker: Principal) -> dict[str, Any]:
    row = directory.user(session, asker.user_id)
    allowed = [p for p in directory.projects(session, row.id) if asker.projects is None or p.id in asker.projects]
    current = next((p for p in allowed if p.id == row.current_project_id), allowed[0] if allowed else None)
    memberships = [
        (organization, level, [p for p in allowed if p.organization_id == organization.id])
        for organization, level in directory.organizations(session, row.id)
        if asker.organizations is None or organization.id in asker.organizations
    ]
    return user_object(row, current, memberships)


def _organizations(store: Store, accounts: Accounts, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix="/api/organizations", tags=["organizations"])
    Reader = Annotated[Principal, Depends(gate.user("organization:read"))]
    Writer = Annotated[Principal, Depends(gate.user("organization:write"))]
    ProjectReader = Annotated[Principal, Depends(gate.user("project:read"))]
    ProjectWriter = Annotated[Principal, Depends(gate.user("project:write"))]

    @routes.get("")
    def list_organizations(asker: Reader, request: Request) -> dict[str, Any]:
        part = pages.by_offset(request)
        with store.read() as session:
            found = [_shown(session, asker, row, level) for row, level in _visible(session, asker)]
        return part.envelope(len(found), found[part.offset : part.offset + part.limit])

    @routes.post("", status_code=201)
    def create_organization(asker: Writer, new: NewOrganization) -> dict[str, Any]:
        if asker.organizations is not None:
            raise PermissionDenied()
        with store.write() as session:
            row = directory.create_organization(session, asker.user_id, new.name)
            answer = _shown(session, asker, row, directory.OWNER)
        accounts.changed()
        return answer

    @routes.get("/{organization_id}")
    def retrieve_organization(asker: Reader, organization_id: str) -> dict[str, Any]:
        with store.read() as session:
            return _shown(session, asker, *_organization(session, asker, organization_id))

    @routes.get("/{organization_id}/projects")
    def list_organization_projects(asker: ProjectReader, organization_id: str, request: Request) -> dict[str, Any]:
        part = pages.by_offset(request)
        with store.read() as session:
            row, _ = _organization(session, asker, organization_id)
            found = [project_object(project) for project in directory.projects(session, asker.user_id, row.id)]
        return part.envelope(len(found), found[part.offset : part.offset + part.limit])

    @routes.post("/{organization_id}/projects", status_code=201)
    def create_organization_project(asker: ProjectWriter, organization_id: str, new: NewProject) -> dict[str, Any]:
        with store.write() as session:
            row, _ = _organization(session, asker, organization_id)
            answer = project_object(directory.create_project(session, row.id, new.name, new.timezone))
        accounts.changed()
        return answer

    return routes


def _visible(session: Session, asker: Principal) -> list[tuple[Any, int]]:
    found = directory.organizations(session, asker.user_id)
    return [(row, level) for row, level in found if asker.organizations is None or row.id in asker.organizations]


def _organization(session: Session, asker: Principal, identifier: str) -> tuple[Any, int]:
    visible = _visible(session, asker)
    if identifier == "@current":
        current = directory.user(session, asker.user_id).current_project_id
        home = {p.organization_id for p in directory.projects(session, asker.user_id) if p.id == current}
        visible = [pair for pair in visible if pair[0].id in home]
    else:
        visible = [pair for pair in visible if str(pair[0].id) == identifier.lower()]
    if not visible:
        raise NotFound()
    return visible[0]


def _shown(session: Session, asker: Principal, row: Any, level: int) -> dict[str, Any]:
    return organization_object(row, level, directory.projects(session, asker.user_id, row.id))


def _projects(store: Store, accounts: Accounts, gate: Gate) -> APIRouter:
    routes = APIRouter(tags=["projects"])
    UserReader = Annotated[Principal, Depends(gate.user("project:read"))]
    UserWriter = Annotated[Principal, Depends(gate.user("project:write"))]
    Reader, Writer = Depends(gate.project("project:read")), Depends(gate.project("project:write"))

    def list_projects(asker: UserReader, request: Request) -> dict[str, Any]:
        part = pages.by_offset(request)
        with store.read() as session:
            found = [project_object(row) for row in directory.projects(session, asker.user_id)]
        return part.envelope(len(found), found[part.offset : part.offset + part.limit])

    def create_project(asker: UserWriter, new: NewProject) -> dict[str, Any]:
        with store.write() as session:
            row, _ = _organization(session, asker, "@current")
            answer = project_object(directory.create_project(session, row.id, new.name, new.timezone))
        accounts.changed()
        return answer

    def retrieve_project(access: Any = Reader) -> dict[str, Any]:
        with store.read() as session:
            return project_object(directory.project(session, access.principal.user_id, access.project_id))

    def update_project(change: ProjectChange, access: Any = Writer) -> dict[str, Any]:
        with store.write() as session:
            row = directory.project(session, access.principal.user_id, access.project_id)
            row.name = change.name or row.name
            row.timezone = directory.checked_timezone(change.timezone) if change.timezone else row.timezone
            bump(session, f"catalog:{row.id}")
            session.flush()
            return project_object(row)

    for mount in ("/api/projects", "/api/environments"):
        shown = mount == "/api/projects"
        routes.add_api_route(mount, list_projects, methods=["GET"], include_in_schema=shown)
        routes.add_api_route(mount, create_project, methods=["POST"], status_code=201, include_in_schema=shown)
        one = mount + "/{project_id}"
        routes.add_api_route(one, retrieve_project, methods=["GET"], include_in_schema=shown)
        routes.add_api_route(one, update_project, methods=["PATCH"], include_in_schema=shown)
    return routes


def _keys(store: Store, accounts: Accounts, gate: Gate) -> APIRouter:
    routes = APIRouter(prefix="/api/personal_api_keys", tags=["personal_api_keys"])
    # A key that may change its user's keys could give itself anything: only one without limits may.
    Owner = Annotated[Principal, Depends(gate.user("*"))]

    @routes.get("")
    def list_keys(asker: Owner) -> list[dict[str, Any]]:
        with store.read() as session:
            return [key_object(key) for key in keys.listed(session, asker.user_id)]

    @routes.post("", status_code=201)
    def create_key(asker: Owner, new: NewKey) -> dict[str, Any]:
        with store.write() as session:
            return key_object(*keys.create(session, asker.user_id, _wishes(new)))

    Bearer = Annotated[Principal, Depends(gate.user(ITSELF))]

    @routes.get("/@current")
    def retrieve_current_key(asker: Bearer) -> dict[str, Any]:
        """The key that the request came with: clients ask what it may do."""
        with store.read() as session:
            return key_object(keys.find(session, asker.user_id, UUID(asker.key_id)))

    @routes.get("/{key_id}")
    def retrieve_key(asker: Owner, key_id: UUID) -> dict[str, Any]:
        with store.read() as session:
            return key_object(keys.find(session, asker.user_id, key_id))

    @routes.patch("/{key_id}")
    def update_key(asker: Owner, key_id: UUID, change: KeyChange) -> dict[str, Any]:
        with store.write() as session:
            merged = _merged(keys.find(session, asker.user_id, key_id), change)
            answer = key_object(keys.change(session, asker.user_id, key_id, _wishes(merged)))
        accounts.changed()
        return answer

    @routes.post("/{key_id}/roll")
    def roll_key(asker: Owner, key_id: UUID) -> dict[str, Any]:
        with store.write() as session:
            answer = key_object(*keys.roll(session, asker.user_id, key_id))
        accounts.changed()
        return answer

    @routes.delete("/{key_id}", status_code=204)
    def delete_key(asker: Owner, key_id: UUID) -> None:
        with store.write() as session:
            keys.revoke(session, key_id, asker.user_id)
        accounts.changed()

    return routes


def _merged(old: keys.Key, change: KeyChange) -> NewKey:
    kept = {
        "label": old.label,
        "scopes": list(old.scopes or ["*"]),
        "scoped_teams": old.projects,
        "scoped_organizations": old.organizations,
    }
    return NewKey.model_validate(kept | change.model_dump(exclude_unset=True, exclude_none=True))


def _wishes(new: NewKey) -> keys.KeyWishes:
    organizations = [str(identifier) for identifier in new.scoped_organizations or ()]
    return keys.KeyWishes(new.label, new.scopes, new.scoped_teams, organizations or None)
