"""Activity: who did what to which object, and what each field was before and after."""

from hedgerow.activity.changes import Change, detail, differences
from hedgerow.activity.log import Activity, Chosen
from hedgerow.activity.retention import Retention
from hedgerow.activity.shapes import history

__all__ = ["Activity", "Change", "Chosen", "Retention", "detail", "differences", "history"]
