"""Endpoints as the API answers them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hedgerow.endpoints.records import Endpoint
from hedgerow.kit.clock import iso
from hedgerow.web.access import UserCard, UserCards


class Shapes:
    """Writes endpoints out. `site` is the address of the server, `cards` looks up who made what."""

    def __init__(self, cards: UserCards, site: str) -> None:
        self._cards, self._site = cards, site

    def endpoints(self, endpoints: Sequence[Endpoint]) -> list[dict[str, Any]]:
        """Several, with one look-up of their makers."""
        cards = _makers(self._cards, endpoints)
        return [self._endpoint(endpoint, cards) for endpoint in endpoints]

    def versions(self, endpoints: Sequence[Endpoint]) -> list[dict[str, Any]]:
        """Each endpoint as its shown version: `is_active` is the version's, addresses are left out."""
        cards = _makers(self._cards, endpoints)
        return [self._version(endpoint, cards) for endpoint in endpoints]

    def retrieved(self, endpoint: Endpoint) -> dict[str, Any]:
        """One endpoint, with what there is to say of its current version."""
        cards = _makers(self._cards, [endpoint])
        return {**self._endpoint(endpoint, cards), **_of_version(endpoint, cards)}

    def _endpoint(self, endpoint: Endpoint, cards: Mapping[int, UserCard]) -> dict[str, Any]:
        version, kept = endpoint.version, endpoint.version.materialization
        path = f"/api/projects/{endpoint.project_id}/endpoints/{endpoint.name}/run"
        return {
            "id": str(endpoint.id),
            "name": endpoint.name,
            "description": version.description,
            "query": version.query,
            "is_active": endpoint.is_active,
            "data_freshness_seconds": version.data_freshness_seconds,
            "append_only_column": version.append_only_column,
            "stale_while_revalidate_seconds": version.stale_while_revalidate_seconds,
            "endpoint_path": path,
            "url": self._site + path,
            "ui_url": f"{self._site}/project/{endpoint.project_id}/endpoints/{endpoint.name}",
            "created_at": iso(endpoint.created_at),
            "updated_at": iso(endpoint.updated_at),
            "created_by": _card(endpoint.created_by, cards),
            "is_materialized": kept is not None and kept.tables is not None,
            "current_version": endpoint.current_version,
            "current_version_id": str(version.id),
            "versions_count": endpoint.current_version,
            "derived_from_insight": endpoint.derived_from_insight,
            "last_executed_at": iso(endpoint.last_executed_at) if endpoint.last_executed_at else None,
            "materialization": materialization(endpoint, version.obstacle),
            "bucket_overrides": dict(version.materialization.bucket_overrides) or None
            if version.materialization
            else None,
            "columns": list(version.columns or ()),
            "tags": list(endpoint.tags),
            "rate_limit": endpoint.rate_limit,
            "aliases": dict(sorted(endpoint.aliases.items())),
            "default_alias": endpoint.default_alias,
            "default_version": endpoint.default_version,
            "optional_breakdown_properties": list(version.optional_breakdown_properties),
        }

    def _version(self, endpoint: Endpoint, cards: Mapping[int, UserCard]) -> dict[str, Any]:
        version = endpoint.version
        return {
            **self._endpoint(endpoint, cards),
            "is_active": version.is_active,
            "url": None,
            "ui_url": None,
            "last_executed_at": iso(version.last_executed_at) if version.last_executed_at else None,
            **_of_version(endpoint, cards),
        }


def _of_version(endpoint: Endpoint, cards: Mapping[int, UserCard]) -> dict[str, Any]:
    version = endpoint.version
    return {
        "version": version.number,
        "version_id": str(version.id),
        "endpoint_is_active": endpoint.is_active,
        "version_created_at": iso(version.created_at),
        "version_updated_at": iso(version.updated_at),
        "version_created_by": _card(version.created_by, cards),
    }


def materialization(endpoint: Endpoint, obstacle: str | None = None) -> dict[str, Any]:
    """How the shown version stands with being a table; `obstacle` is why it cannot be one."""
    found = endpoint.version.materialization
    shown = {
        "name": f"{endpoint.name}_v{endpoint.version.number}",
        "status": None,
        "can_materialize": obstacle is None,
        "reason": obstacle,
        "last_materialized_at": None,
        "error": None,
        "saved_query_id": None,
        "hibernated": False,
        "hibernated_at": None,
        "last_refresh": None,
        "rows": None,
        "bytes": None,
    }
    if found is None:
        return shown
    return {
        **shown,
        "status": found.status or "Unknown",
        "can_materialize": True,
        "last_materialized_at": iso(found.materialized_at) if found.materialized_at else None,
        "error": "" if found.status == "Completed" else found.error,
        "saved_query_id": str(found.id),
        "hibernated": found.hibernated_at is not None,
        "hibernated_at": iso(found.hibernated_at) if found.hibernated_at else None,
        "last_refresh": dict(found.refreshed) or None,
        "rows": found.row_count,
        "bytes": found.bytes_on_disk,
    }


def query_status(project_id: int, results: list[Any] | None) -> dict[str, Any]:
    """The API's `QueryStatus` of something that is done already."""
    absent = (
        "dashboard_id", "end_time", "error_message", "expiration_time", "insight_id", "labels", "pickup_time",
        "query_progress", "start_time", "task_id",
    )  # fmt: skip
    return {
        "id": "",
        "team_id": project_id,
        "complete": True,
        "error": False,
        "query_async": True,
        "results": results,
        **dict.fromkeys(absent),
    }


def _makers(cards: UserCards, endpoints: Iterable[Endpoint]) -> Mapping[int, UserCard]:
    makers = {maker for e in endpoints for maker in (e.created_by, e.version.created_by) if maker is not None}
    return cards.cards(makers)


def _card(user_id: int | None, cards: Mapping[int, UserCard]) -> UserCard | None:
    return None if user_id is None else cards.get(user_id)
