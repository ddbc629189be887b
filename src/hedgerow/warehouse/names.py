"""Names of tables: what they may look like, which are reserved, and who else may hold one."""

import re
from collections.abc import Callable

from sqlalchemy.orm import Session

from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.errors import ActionRefused

Taken = Callable[[Session, int, str], bool]
"""Whether something of another room (a view, an endpoint's table) has that name in a project."""

RESERVED = frozenset(
    (
        *("cohort_people", "cohorts", "events", "groups", "heatmaps", "information_schema", "log_entries", "numbers"),
        *("person_distinct_ids", "persons", "query_log", "raw_cohort_people", "raw_groups", "raw_person_distinct_ids"),
        *("raw_persons", "raw_session_replay_events", "raw_sessions", "session_replay_events", "sessions"),
        *("static_cohort_people", "system"),
    )
)
"""What HogQL itself calls its tables, whether it has them here yet or not."""

_UPLOADED = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LINKED = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z0-9_$]+)*")
_UPLOADED_TEXT = (
    "Table names must start with a letter or underscore and contain only alphanumeric characters or underscores."
)
_LINKED_TEXT = (
    "Table names must start with a letter, underscore or dollar sign and contain only letters, digits, underscores, "
    "dollar signs and single dots between them."
)


def check_uploaded(name: str) -> str:
    """The name of an uploaded table; raises `ActionRefused`."""
    if not _UPLOADED.fullmatch(name):
        raise ActionRefused(_UPLOADED_TEXT, attr="name")
    if len(name) > 128:
        raise ActionRefused("Ensure this field has no more than 128 characters.", attr="name", code="max_length")
    if is_reserved(name):
        raise ActionRefused(_reserved_text(name), attr="name")
    return name


def check_linked(name: str) -> str:
    """The name of a linked table, or of any that is renamed: dots make namespaces. Raises `InvalidInput`."""
    if not _LINKED.fullmatch(name):
        raise InvalidInput(_LINKED_TEXT, attr="name")
    if is_reserved(name):
        raise InvalidInput(_reserved_text(name), attr="name")
    return name


def is_reserved(name: str) -> bool:
    """Whether a name, or the namespace it begins with, is HogQL's own."""
    return name.partition(".")[0].lower() in RESERVED


def _reserved_text(name: str) -> str:
    return f'"{name}" is the name of a built-in table. Choose a different name.'
