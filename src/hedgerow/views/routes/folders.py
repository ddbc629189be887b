"""The routes of folders of saved queries."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from hedgerow.views import shapes
from hedgerow.views.bodies import FolderChange, NewFolder
from hedgerow.views.opening import Views
from hedgerow.views.records import Folder
from hedgerow.web.access import Access, Gate, UserCards

_BASE = "/warehouse_saved_query_folders"
_FORCE = Query(description="Delete it although others read its views: they fail from then on.")


def router(views: Views, cards: UserCards, gate: Gate) -> APIRouter:
    """Paths are relative to a project."""
    routes = APIRouter()
    _reading(routes, views, cards, gate)
    _writing(routes, views, cards, gate)
    return routes


def _shown(folder: Folder, cards: UserCards) -> dict[str, Any]:
    return shapes.folders([folder], cards)[0]


def _reading(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_read = gate.project("warehouse_view:read")

    @routes.get(_BASE)
    def list_folders(access: Annotated[Access, Depends(may_read)]) -> list[dict[str, Any]]:
        """All folders by name, each with how many views are in it."""
        return shapes.folders(views.folders.all_of(access.project_id), cards)

    @routes.get(f"{_BASE}/{{folder_id}}")
    def get_folder(access: Annotated[Access, Depends(may_read)], folder_id: UUID) -> dict[str, Any]:
        """One folder."""
        return _shown(views.folders.get(access.project_id, folder_id), cards)


def _writing(routes: APIRouter, views: Views, cards: UserCards, gate: Gate) -> None:
    may_write = gate.project("warehouse_view:write")

    @routes.post(_BASE, status_code=201)
    def create_folder(access: Annotated[Access, Depends(may_write)], body: NewFolder) -> dict[str, Any]:
        """Make a folder; views get into it by their `folder_id`."""
        return _shown(views.folders.add(access.project_id, access.principal.user_id, body.name), cards)

    @routes.patch(f"{_BASE}/{{folder_id}}")
    def change_folder(
        access: Annotated[Access, Depends(may_write)], folder_id: UUID, body: FolderChange
    ) -> dict[str, Any]:
        """Give it another name."""
        if "name" not in body.model_fields_set:
            return _shown(views.folders.get(access.project_id, folder_id), cards)
        changed = views.folders.rename(access.project_id, access.principal.user_id, folder_id, body.name)
        return _shown(changed, cards)

    @routes.delete(f"{_BASE}/{{folder_id}}", status_code=204)
    def delete_folder(
        access: Annotated[Access, Depends(may_write)], folder_id: UUID, force: Annotated[bool, _FORCE] = False
    ) -> None:
        """Delete a folder and the views in it: all or none."""
        views.folders.delete(access.project_id, access.principal.user_id, folder_id, force=force)
