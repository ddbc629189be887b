"""Revenue: views in one shape over the payments of sources, which come and go with `revenue_analytics_config`."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hedgerow.sources import names
from hedgerow.sources.records import Source
from hedgerow.sources.revenue.stripe import VIEWS
from hedgerow.sources.shelf import Shelf
from hedgerow.warehouse.records import ManagedView

KIND = "revenue_analytics"
Switch = Callable[[Session, int, str, bool], None]
"""Shows or hides a managed set of views of a project, and makes its views anew."""
_TYPE = "Stripe"


def counted(source_type: str) -> bool:
    """Whether there are views for sources of a type: those are counted from the start."""
    return source_type == _TYPE


@dataclass(frozen=True, slots=True)
class Revenue:
    """Methods run inside a transaction."""

    shelf: Shelf
    switch: Switch

    def follow(self, session: Session, source: Source) -> None:
        """Show what is to be shown, after a source was made, changed or deleted."""
        if counted(source.source_type):
            on = any(each.revenue_enabled for each in self._sources(session, source.project_id))
            self.switch(session, source.project_id, KIND, on)

    def views(self, session: Session, project_id: int) -> list[ManagedView]:
        """The views of all sources that are counted."""
        return [view for source in self._sources(session, project_id) for view in self._of(session, source)]

    def _sources(self, session: Session, project_id: int) -> list[Source]:
        return [each for each in self.shelf.of_project(session, project_id) if counted(each.source_type)]

    def _of(self, session: Session, source: Source) -> list[ManagedView]:
        if not source.revenue_enabled:
            return []
        tables = {schema.name: schema.table_name for schema in self.shelf.schemas(session, [source])}
        middle = f".{names.prefix_key(source.prefix)}" if names.prefix_key(source.prefix) else ""
        label = f"{_TYPE.lower()}{middle}"
        made = (shape.over(label, tables, source.revenue_invoiceless) for shape in VIEWS)
        return [view for view in made if view is not None]
