"""Prefixes of sources, and what their tables are called in queries."""

import hashlib
import re
from collections.abc import Collection
from uuid import uuid4

from hedgerow.warehouse.errors import ActionRefused

_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNUSUAL = re.compile(r"[^a-z0-9_$]")
_UNUSUAL_DOTTED = re.compile(r"[^a-z0-9_$.]")
_LONGEST = 128

PREFIX_REQUIRED = "Source type already exists. Prefix is required"
PREFIX_TAKEN = "Prefix already exists"


def check_prefix(prefix: str) -> None:
    """Raises `ActionRefused` for what is no prefix; an empty one is none."""
    if not prefix:
        return
    bare = prefix.strip("_")
    if not bare:
        raise ActionRefused("Prefix cannot consist of only underscores", attr="prefix")
    if not _PREFIX.fullmatch(bare):
        text = "Prefix must contain only letters, numbers, and underscores, and start with a letter or underscore"
        raise ActionRefused(text, attr="prefix")


def direct_key() -> str:
    """The key of a source whose prefix is only shown: no other has it, and no prefix can."""
    return f"direct:{uuid4().hex}"


def prefix_key(prefix: str | None) -> str:
    """A prefix as it is compared with others: two of one key would make the same dotted names."""
    return (prefix or "").strip("_").lower()


def stored_name(prefix: str | None, source_type: str, schema: str, taken: Collection[str] = ()) -> str:
    """What a schema's table is called: `test_stripe_charge`, `postgres_public__users`; never one of `taken`."""
    whole = f"{prefix or ''}{source_type}_{schema}".lower().replace(".", "__")
    name = _UNUSUAL.sub("_", whole)
    if len(name) <= _LONGEST and name not in taken:
        return name
    mark = hashlib.sha256(schema.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9]}_{mark}"


def dotted_name(prefix: str | None, source_type: str, schema: str) -> str:
    """Its other name: `stripe.prod.charge`, `postgres.public.users`."""
    middle = f".{prefix_key(prefix)}" if prefix_key(prefix) else ""
    return f"{source_type.lower()}{middle}.{_UNUSUAL_DOTTED.sub('_', schema.lower())}"
