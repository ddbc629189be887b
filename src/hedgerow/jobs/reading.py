"""Turns rows into what others may hold."""

from dataclasses import fields

from hedgerow.jobs.base import Job
from hedgerow.jobs.rows import JobRow

_FIELDS = tuple(field.name for field in fields(Job))


def job_of(row: JobRow) -> Job:
    """The job as the row has it now."""
    return Job(**{name: getattr(row, name) for name in _FIELDS})
