"""Durable background work: enqueued in a transaction, run once per subject at a time, on any machine, whatever dies."""

from hedgerow.jobs.base import Control, GiveUp, Handler, Job, JobLost, Policy
from hedgerow.jobs.jobs import Jobs
from hedgerow.jobs.kinds import Kinds
from hedgerow.jobs.opening import JobRoom, open_jobs
from hedgerow.jobs.schedules import Schedule, Schedules
from hedgerow.jobs.worker import Figures, Worker

__all__ = [
    "Control",
    "Figures",
    "GiveUp",
    "Handler",
    "Job",
    "JobLost",
    "JobRoom",
    "Jobs",
    "Kinds",
    "Policy",
    "Schedule",
    "Schedules",
    "Worker",
    "open_jobs",
]
