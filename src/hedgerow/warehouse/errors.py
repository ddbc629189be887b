"""Errors of this room: those the API answers with `message` beside the usual keys, and a name's."""

from http import HTTPStatus
from typing import Any

from hedgerow.kit.errors import InvalidInput

NAME_TAKEN = "A table with this name already exists."


class ActionRefused(InvalidInput):
    """An action on tables was refused: clients of those look for `message`."""

    def body(self) -> dict[str, Any]:
        return {**super().body(), "message": self.detail}


class FileTooLarge(ActionRefused):
    """An uploaded file over its limit."""

    code = "max_length"


class LeftFileTooLarge(ActionRefused):
    """The same, where a file is left first: those clients look for the status 413."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "request_too_large"


class NameTaken(InvalidInput):
    """A table or view of the project has that name."""

    default_detail = NAME_TAKEN

    def __init__(self) -> None:
        super().__init__(attr="name")
