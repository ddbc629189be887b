"""Spans of time in SQL, the same on both stores and in any time zone: their beginnings are computed here, and bound."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, case


def bucket_of(column: SQLColumnExpression[datetime], beginnings: Sequence[datetime]) -> ColumnElement[Any]:
    """Which of the spans an instant is in, counted from 0; null for one before all. `beginnings` are newest first."""
    return case(*((column >= beginning, place) for place, beginning in enumerate(beginnings)), else_=None)
