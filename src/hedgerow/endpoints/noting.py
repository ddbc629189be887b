"""What the activity log is told of endpoints and their versions; within the transaction that changes them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from hedgerow.activity import Activity, Change, detail, differences
from hedgerow.endpoints.records import Endpoint

ENDPOINT, VERSION = "Endpoint", "EndpointVersion"
_OF_ENDPOINT = ("is_active", "tags", "derived_from_insight", "rate_limit", "aliases", "default_alias")
_OF_VERSION = (
    "description",
    "data_freshness_seconds",
    "stale_while_revalidate_seconds",
    "append_only_column",
    "is_active",
    "optional_breakdown_properties",
)


def created(session: Session, user_id: int | None, made: Endpoint) -> None:
    """A new endpoint, with what it began as."""
    after = {"name": made.name, "query": made.version.query, **_endpoint(made), **_version(made)}
    _note(session, made, user_id, "created", differences(ENDPOINT, None, after))


def changed(session: Session, user_id: int | None, before: Endpoint, after: Endpoint) -> None:
    """The fields of an endpoint, then its new version or the fields of the version that was changed in place."""
    fields = differences(ENDPOINT, _endpoint(before), _endpoint(after))
    if fields:
        _note(session, after, user_id, "updated", fields)
    if after.version.id != before.version.id:
        old, new = ({"query": each.version.query, **_version(each)} for each in (before, after))
        _note(session, after, user_id, "version_created", differences(ENDPOINT, old, new))
        return
    fields = differences(VERSION, _version(before), _version(after))
    if fields:
        _note(session, after, user_id, "version_updated", fields)


def deleted(session: Session, user_id: int | None, gone: Endpoint) -> None:
    """An endpoint that is no more."""
    _note(session, gone, user_id, "deleted", [])


def _note(session: Session, shown: Endpoint, user_id: int | None, activity: str, fields: list[dict[str, Any]]) -> None:
    of_version = activity == "version_updated"
    Activity().note(
        session,
        Change(
            shown.project_id,
            user_id,
            VERSION if of_version else ENDPOINT,
            str(shown.version.id if of_version else shown.id),
            activity,
            detail(shown.name, fields, context={"version": shown.version.number, "endpoint_id": str(shown.id)}),
        ),
    )


def _endpoint(shown: Endpoint) -> Mapping[str, Any]:
    return {name: getattr(shown, name) for name in _OF_ENDPOINT}


def _version(shown: Endpoint) -> Mapping[str, Any]:
    return {name: getattr(shown.version, name) for name in _OF_VERSION}
