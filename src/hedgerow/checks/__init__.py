"""Data checks: what must hold of a table's rows, looked at before a new table is published and whenever one asks."""

from hedgerow.checks.opening import Checks, open_checks
from hedgerow.checks.records import Check, Finding, Target

__all__ = ["Check", "Checks", "Finding", "Target", "open_checks"]
