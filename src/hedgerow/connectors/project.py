"""Another Hedgerow or PostHog project: each of its published endpoints is a table."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from hedgerow.connectors.base import Config, Declaration, Field, Refused
from hedgerow.connectors.rest import Api, Bearer, Kind, Offset, Patience, Request, Resource, RestConnector
from hedgerow.connectors.rest.client import Client
from hedgerow.kit.outgoing import OutgoingGuard

_PAGE_ROWS = 1000
_MOST_LISTS = 100
# Columns as endpoints tell of them; others are found out from the rows.
_KINDS: Mapping[str, Kind] = {
    "integer": "integer",
    "float": "float",
    "string": "string",
    "boolean": "boolean",
    "date": "date",
}


def _site(config: Mapping[str, Any]) -> str:
    """The address without its end; with https where no scheme is said."""
    given = str(config.get("url") or "").strip().rstrip("/")
    return given if "://" in given else f"https://{given}"


def _hosts(config: Config) -> frozenset[str]:
    site = _site(config)
    try:
        parts = urlsplit(site)
        usual = parts.scheme == "https" and parts.port in {None, 443}
    except ValueError:
        return frozenset({site})
    return frozenset({(parts.hostname or "") if usual else f"{parts.scheme}://{parts.netloc.lower()}"})


DECLARATION = Declaration(
    source_type="Hedgerow",
    label="Hedgerow or PostHog project",
    caption="The published endpoints of another project, each as a table.",
    docs_url="docs/sources/hedgerow.md",
    fields=(
        Field("url", "Address", placeholder="https://us.posthog.com"),
        Field("project_id", "Project", kind="number", placeholder="1"),
        Field("api_key", "Personal API key", kind="password", caption="Of that project, with scope endpoint:read."),
        Field(
            "endpoints",
            "Endpoints",
            required=False,
            placeholder="orders, customers",
            caption="Only these. Empty: all that are active and ask for no values of variables.",
        ),
    ),
    category="Analytics",
    hosts=_hosts,
    host_label="address",
    keywords=("posthog", "endpoint", "project"),
)


def project_connector(guard: OutgoingGuard, patience: Patience | None = None) -> RestConnector:
    """The connector of type `Hedgerow`."""

    def api_of(config: Config) -> Api:
        base = f"{_site(config)}/api/projects/{int(config['project_id'])}/"
        proof = Bearer(str(config["api_key"]))
        bare = Api(base, (), proof, key_field="api_key", address_field="url", check="endpoints/?limit=1")
        with Client(bare, guard, patience or Patience(attempts=3)) as client:
            resources = tuple(_resource(each) for each in _wanted(_listed(client), config))
        return Api(base, resources, proof, key_field="api_key", address_field="url", partial=True)

    return RestConnector(DECLARATION, api_of, guard, patience)


def _listed(client: Client) -> list[Mapping[str, Any]]:
    """Every endpoint of the project."""
    found: list[Mapping[str, Any]] = []
    for _ in range(_MOST_LISTS):
        document = client.document(Request("endpoints/", {"limit": 100, "offset": len(found)}))
        page = document.get("results") if isinstance(document, dict) else None
        if not isinstance(page, list) or not all(isinstance(each, dict) and each.get("name") for each in page):
            raise Refused("There is no Hedgerow or PostHog project at this address.", field="url")
        found += page
        if not page or not document.get("next"):
            break
    return found


def _wanted(listed: Sequence[Mapping[str, Any]], config: Config) -> list[Mapping[str, Any]]:
    active = {each["name"]: each for each in listed if each.get("is_active") is not False}
    said = [name.strip() for name in str(config.get("endpoints") or "").split(",") if name.strip()]
    if not said:
        return [each for each in active.values() if not _asks(each)]
    for name in said:
        if name not in active:
            there = ", ".join(sorted(active)) or "none"
            raise Refused(f"The project has no active endpoint {name}. It has: {there}.", field="endpoints")
    return [active[name] for name in dict.fromkeys(said)]


def _asks(endpoint: Mapping[str, Any]) -> bool:
    """Whether a run needs values of variables."""
    query = endpoint.get("query")
    return bool(query.get("variables")) if isinstance(query, dict) else False


def _resource(endpoint: Mapping[str, Any]) -> Resource:
    told = {str(c.get("name")): str(c.get("type")) for c in endpoint.get("columns") or () if isinstance(c, dict)}
    return Resource(
        name=endpoint["name"],
        path=f"endpoints/{quote(endpoint['name'], safe='')}/run",
        method="POST",
        body={},
        columns={name: _KINDS[kind] for name, kind in told.items() if kind in _KINDS},
        open=True,
        rows="results",
        names="columns",
        paging=Offset(_PAGE_ROWS, "body.offset", "body.limit", more="hasMore"),
        description=endpoint.get("description") or None,
    )
