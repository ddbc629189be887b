"""Models as a server has them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow.gitops.models import definitions
from hedgerow.gitops.models.definitions import Definition
from hedgerow.gitops.models.reads import tables_of
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError, NotFound

VIEWS = "warehouse_saved_queries/"


@dataclass(frozen=True, slots=True)
class Present:
    """A view on the server with its data checks."""

    answer: Mapping[str, Any]
    checks: Sequence[Mapping[str, Any]]
    definition: Definition

    @property
    def name(self) -> str:
        return str(self.answer["name"])

    @property
    def id(self) -> str:
        return str(self.answer["id"])

    @property
    def path(self) -> str:
        return f"{VIEWS}{self.id}/"

    @property
    def reads(self) -> set[str]:
        """Empty for a text that this version cannot read."""
        try:
            return tables_of(self.definition["query"], self.name)
        except HedgerowError:
            return set()


def there(remote: Remote, names: Iterable[str] | None = None) -> dict[str, Present]:
    """The views of a project by name, or those of these names; those that the server manages itself are left out."""
    wanted = None if names is None else set(names)
    own = [each for each in remote.pages(VIEWS) if each.get("origin") in {None, "data_warehouse"}]
    listed = [each for each in own if not each.get("managed_viewset_kind")]
    chosen = [each for each in listed if wanted is None or each["name"] in wanted]
    return {each["name"]: present(remote, each["id"]) for each in sorted(chosen, key=lambda each: str(each["name"]))}


def present(remote: Remote, view_id: str) -> Present:
    """One view."""
    answer = remote.get(f"{VIEWS}{view_id}/")
    checks = remote.get(f"{VIEWS}{view_id}/data_checks/")["results"] if answer.get("data_checks") else []
    return Present(answer, checks, definitions.of_server(answer, checks))


def named(remote: Remote, names: Sequence[str]) -> list[Present]:
    """Those of these names; raises `NotFound`."""
    found = there(remote, names)
    if missing := [name for name in names if name not in found]:
        raise NotFound(f"The project has no view {', '.join(missing)}.")
    return [found[name] for name in names]
