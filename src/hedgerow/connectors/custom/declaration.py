"""What a custom source asks for: a manifest of the API, and its secrets beside it."""

from typing import Any
from urllib.parse import urlsplit

from hedgerow.connectors.base import Config, Declaration, Field, SourceError
from hedgerow.connectors.custom.manifest import FIELD, ClientCredentialsAuth, manifest_of


def _hosts(config: Config) -> frozenset[str]:
    try:
        client = manifest_of(config.get(FIELD)).client
    except SourceError:
        return frozenset()
    urls: list[Any] = [client.base_url]
    if isinstance(client.auth, ClientCredentialsAuth):
        urls.append(client.auth.access_token_url)
    return frozenset(_place(url) for url in urls)


def _place(url: str) -> str:
    """The host; with scheme and port where they are not the usual ones, as a secret must not move to these either."""
    try:
        parts = urlsplit(url)
        usual = parts.scheme == "https" and parts.port in {None, 443}
    except ValueError:
        return url
    return (parts.hostname or "") if usual else f"{parts.scheme}://{parts.netloc.lower()}"


def _secret(name: str, label: str, caption: str) -> Field:
    return Field(name, label, kind="password", required=False, caption=caption)


DECLARATION = Declaration(
    source_type="Custom",
    label="Any REST API",
    caption="An API that answers JSON, described by a manifest.",
    docs_url="docs/sources/custom.md",
    fields=(
        Field(
            FIELD,
            "Manifest",
            kind="json",
            placeholder='{"client": {"base_url": "https://api.example.com/v1"}, "resources": […]}',
            caption="Where the API is, how one pages through it, and its resources.",
        ),
        _secret("auth_token", "Token", "For auth of type bearer."),
        _secret("auth_api_key", "API key", "For auth of type api_key."),
        _secret("auth_password", "Password", "For auth of type http_basic."),
        _secret("auth_client_secret", "Client secret", "For auth of type oauth2_client_credentials."),
    ),
    category="Engineering & monitoring",
    hosts=_hosts,
    keywords=("rest", "api", "http", "json"),
    host_label="address in the manifest",
)
