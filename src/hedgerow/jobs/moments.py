"""What time it is for jobs: the store's own clock where machines share one, so that theirs need not agree."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from hedgerow.kit import clock
from hedgerow.store.base import Instant

SLACK = timedelta(seconds=5)
"""What was decided further ahead than this was decided before the clock was set back."""


def moment(session: Session) -> datetime:
    """Now."""
    if session.get_bind().dialect.name == "sqlite":
        return clock.now()
    found: datetime = session.execute(select(func.clock_timestamp(type_=Instant))).scalar_one()
    return found


def now_in_sql(session: Session) -> ColumnElement[Any]:
    """Now, as an expression: saves asking for it. On PostgreSQL the beginning of the transaction."""
    if session.get_bind().dialect.name == "sqlite":
        return literal(clock.now(), Instant)
    return func.now(type_=Instant)
