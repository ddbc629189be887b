"""The guard against theft: secrets that were given for one host are not sent to another one."""

from collections.abc import Mapping
from typing import Any

from hedgerow.connectors import Declaration
from hedgerow.kit.errors import InvalidInput
from hedgerow.sources.form.configuring import secrets_given, secrets_of


def check(declaration: Declaration, kept: Mapping[str, Any], given: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` where a new host would get a secret that was not given together with it."""
    if declaration.hosts(new) <= declaration.hosts(kept):
        return
    if not secrets_of(declaration, new) <= secrets_given(declaration, given, new):
        text = f"Changing the {declaration.host_label} requires re-entering your credentials."
        raise InvalidInput(text, attr="job_inputs")
