"""What goes wrong between files and a server; each says where."""

from collections.abc import Sequence

from hedgerow.kit.errors import HedgerowError

Place = tuple[str | int, ...]
"""Where in a document: keys and positions, such as `("tests", 0, "expect")`."""


class FileFault(HedgerowError):
    """Something in a file is wrong: `file:line: field: text`."""

    def __init__(self, file: str, text: str, *, line: int | None = None, place: Place = ()) -> None:
        self.file, self.line, self.text, self.place = file, line, text, place
        where = file if line is None else f"{file}:{line}"
        field = ".".join(map(str, place))
        super().__init__(f"{where}: {field}: {text}" if field else f"{where}: {text}", attr=field or None)


class Faults(HedgerowError):
    """Several things are wrong; one line each."""

    def __init__(self, faults: Sequence[HedgerowError]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(str(fault) for fault in faults))


class Unreachable(HedgerowError):
    """The server does not answer, or what answers is no such server."""


class Refused(HedgerowError):
    """The server refused: `status` is its HTTP status, `attr` the field it names, `code` its own."""

    def __init__(self, status: int, what: str, detail: str, *, attr: str | None = None, code: str = "error") -> None:
        self.status, self.reason = status, detail
        super().__init__(f"{what}: {status} {detail}", attr=attr, code=code)
