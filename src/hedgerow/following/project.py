"""A project of a server, as the commands on sources call it, and the sources in it."""

from typing import Any, Protocol

from hedgerow.kit.errors import HedgerowError


class NotFollowed(HedgerowError):
    """What was asked for is not there, or not clear."""


class Project(Protocol):
    """Calls a project's routes; paths are relative to it and end with `/`."""

    def get(self, path: str, **query: Any) -> Any: ...

    def post(self, path: str, body: Any = None) -> Any: ...


def all_of(project: Project) -> list[dict[str, Any]]:
    """Every source, oldest first."""
    found: list[dict[str, Any]] = project.get("external_data_sources/", limit=1000)["results"]
    return found[::-1]


def named(project: Project, name: str) -> dict[str, Any]:
    """The source of that id, prefix or type; raises `NotFollowed` when that is none, or more than one."""
    sources = all_of(project)
    for field in ("id", "prefix", "source_type"):
        found = [each for each in sources if str(each[field] or "").lower() == name.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFollowed(f"{len(found)} sources are called {name}: give an id (hedgerow sources list).")
    raise NotFollowed(f"there is no source {name} (hedgerow sources list).")


def title(source: dict[str, Any]) -> str:
    """What people call a source."""
    return f"{source['source_type']} {source['prefix']}" if source["prefix"] else str(source["source_type"])
