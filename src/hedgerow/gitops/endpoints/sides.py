"""The two sides that are compared: endpoints in files, and endpoints on a server."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hedgerow.gitops.endpoints import definitions
from hedgerow.gitops.endpoints.definitions import Definition
from hedgerow.gitops.endpoints.fields import EndpointFields
from hedgerow.gitops.faults import Faults, FileFault, Place
from hedgerow.gitops.folders import found
from hedgerow.gitops.reading import Document, read_file, shaped
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError, NotFound

_PAGE = 500
_BLOCK = re.compile(r":\s*\|[-+0-9]*\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class Local:
    """An endpoint in a file."""

    document: Document
    fields: EndpointFields
    definition: Definition

    @property
    def name(self) -> str:
        return self.fields.name

    def fault_in_query(self, text: str, line: int) -> FileFault:
        """Something wrong in a line of the query, counted from 1: where it is a block, at that line of the file."""
        place: Place = ("query", "query") if isinstance(self.fields.query, dict) else ("query",)
        fault = self.document.fault(text, *place)
        first = self.document.line(place)
        if not _BLOCK.search(self.document.text.split("\n")[first - 1]):
            return fault
        return FileFault(fault.file, text, line=first + line, place=place)


@dataclass(frozen=True, slots=True)
class Present:
    """An endpoint on the server, at its current version."""

    answer: Mapping[str, Any]
    definition: Definition

    @property
    def name(self) -> str:
        return str(self.answer["name"])

    @property
    def version(self) -> int:
        return int(self.answer["current_version"])


@dataclass(frozen=True, slots=True)
class There:
    """What a project has: endpoints by name, and insight variables by code name."""

    endpoints: Mapping[str, Present]
    variables: Mapping[str, Mapping[str, Any]]


def local(paths: Sequence[Path]) -> list[Local]:
    """The endpoints of files and folders; raises `Faults` with everything that is wrong in any of them."""
    faults: list[HedgerowError] = []
    read: dict[str, Local] = {}
    for path in found(paths):
        try:
            each = local_file(path)
        except Faults as several:
            faults += several.faults
        except FileFault as fault:
            faults.append(fault)
        else:
            if each.name in read:
                other = read[each.name].document.file
                faults.append(each.document.fault(f"{each.name} is also in {other}", "name"))
            read[each.name] = each
    if faults:
        raise Faults(faults)
    return list(read.values())


def local_file(path: Path) -> Local:
    """The endpoint of one file; raises `FileFault` and `Faults`."""
    document = read_file(path)
    fields = shaped(document, EndpointFields)
    _hold_variables(document, fields)
    return Local(document, fields, definitions.of_file(fields))


def there(remote: Remote) -> There:
    """What the project has now."""
    variables = {each["code_name"]: each for each in remote.pages("insight_variables/")}
    answers = remote.pages("endpoints/", limit=_PAGE)
    return There(by_name(present(answer, variables) for answer in answers), variables)


def one(remote: Remote, name: str) -> Present:
    """One endpoint; raises `Refused` where there is none."""
    answer = remote.get(f"endpoints/{quote(name, safe='')}/")
    return present(answer, {each["code_name"]: each for each in remote.pages("insight_variables/")})


def chosen(endpoints: Mapping[str, Present], names: Sequence[str] | None) -> list[Present]:
    """Those of that name, or all of them; raises `NotFound`."""
    missing = [name for name in names or () if name not in endpoints]
    if missing:
        raise NotFound(f"The project has no endpoint {', '.join(missing)}.")
    return [endpoints[name] for name in names] if names else list(endpoints.values())


def present(answer: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> Present:
    """An endpoint as the API answers it."""
    return Present(answer, definitions.of_server(answer, variables))


def by_name(endpoints: Iterable[Present]) -> dict[str, Present]:
    """Sorted, so that what is told is told in the same order each time."""
    return {each.name: each for each in sorted(endpoints, key=lambda each: each.name)}


def _hold_variables(document: Document, fields: EndpointFields) -> None:
    """Raise for a variable that the query does not name: the server would drop it."""
    asked = fields.query if isinstance(fields.query, str) else str(fields.query.get("query", ""))  # type: ignore[union-attr]
    faults: list[HedgerowError] = [
        document.fault(f"the query does not use {{variables.{name}}}", "variables", name)
        for name in fields.variables
        if not re.search(rf"variables\.{re.escape(name)}\b", asked)
    ]
    if faults:
        raise Faults(faults)
