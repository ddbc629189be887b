"""What the activity log is told of tables that go to sleep and wake: by nobody, as Hedgerow does it by itself."""

from sqlalchemy.orm import Session

from hedgerow.activity import Activity, Change, detail
from hedgerow.endpoints.rows import EndpointRow, MaterializationRow

_SCOPE = "DataWarehouseSavedQuery"


def hibernated(session: Session, endpoint: EndpointRow, row: MaterializationRow) -> None:
    """The tables were given up, as nobody read them."""
    _note(session, endpoint, row, "materialization_disabled")


def woken(session: Session, endpoint: EndpointRow, row: MaterializationRow) -> None:
    """The tables are made anew."""
    _note(session, endpoint, row, "materialization_enabled")


def _note(session: Session, endpoint: EndpointRow, row: MaterializationRow, activity: str) -> None:
    context = {"endpoint_id": str(endpoint.id), "version_id": str(row.version_id), "hibernation": True}
    told = detail(endpoint.name, [], context=context)
    Activity().note(session, Change(endpoint.project_id, None, _SCOPE, str(row.id), activity, told))
