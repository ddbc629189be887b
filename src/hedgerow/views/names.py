"""Names of saved queries: dots make namespaces."""

import re

from hedgerow.kit.errors import InvalidInput
from hedgerow.warehouse.errors import NameTaken
from hedgerow.warehouse.names import is_reserved

_ALLOWED = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z0-9_$]+)*")


def check_name(name: str) -> str:
    """The name; raises `InvalidInput` for one that is no name, and `NameTaken` for one of HogQL's own tables."""
    if not _ALLOWED.fullmatch(name):
        rule = "View names can only contain letters, numbers, '_', '$' and single dots, and start with no digit"
        raise InvalidInput(f"{name[:140]} is not a valid view name. {rule}.", attr="name")
    if len(name) > 128:
        raise InvalidInput("Ensure this field has no more than 128 characters.", attr="name", code="max_length")
    if is_reserved(name):
        raise NameTaken()
    return name
