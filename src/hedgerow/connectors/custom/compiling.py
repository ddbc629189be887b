"""A manifest as an `Api`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hedgerow.connectors.base import Config, Refused
from hedgerow.connectors.custom import manifest as said
from hedgerow.connectors.custom.auto import AutoPaging, rows_finder
from hedgerow.connectors.custom.manifest import FIELD, Manifest, fault, manifest_of
from hedgerow.connectors.rest import (
    Api,
    ApiKey,
    Auth,
    Basic,
    Bearer,
    ClientCredentials,
    Cursor,
    HeaderCursor,
    Increment,
    LastRow,
    LinkHeader,
    NextUrl,
    Nobody,
    Offset,
    PageNumber,
    Paging,
    Parent,
    Resource,
    Single,
)
from hedgerow.connectors.rest.kinds import Kind

SECRETS = ("auth_token", "auth_api_key", "auth_password", "auth_client_secret")

_PLACE = re.compile(r"\{([^{}]*)\}")
_OF_PARENT = re.compile(r"resources\.([A-Za-z0-9_]+)\.(.+)")


def api_of(config: Config) -> Api:
    """The API that a source's fields describe; raises `Refused` with the path of what is wrong."""
    manifest = manifest_of(config.get(FIELD))
    auth, key_field = _auth(manifest.client.auth, config)
    return Api(
        base_url=manifest.client.base_url,
        resources=tuple(_resource(manifest, place) for place in range(len(manifest.resources))),
        auth=auth,
        headers=manifest.client.headers,
        params=manifest.client.params,
        secrets=tuple(str(config[name]) for name in SECRETS if config.get(name)),
        key_field=key_field,
        address_field=FIELD,
    )


def _auth(auth: Any, config: Config) -> tuple[Auth, str | None]:
    def secret(name: str) -> str:
        value = config.get(name)
        if not isinstance(value, str) or not value:
            raise Refused(f"The manifest's client.auth needs {name}.", field=name)
        return value

    if isinstance(auth, said.BearerAuth):
        return Bearer(secret("auth_token")), "auth_token"
    if isinstance(auth, said.ApiKeyAuth):
        return ApiKey(secret("auth_api_key"), auth.name, auth.location), "auth_api_key"
    if isinstance(auth, said.BasicAuth):
        return Basic(auth.username, str(config.get("auth_password") or "")), "auth_password"
    if isinstance(auth, said.ClientCredentialsAuth):
        made = ClientCredentials(auth.access_token_url, auth.client_id, secret("auth_client_secret"), scope=auth.scope)
        return made, "auth_client_secret"
    return Nobody(), None


def _paging(paginator: Any) -> Paging:
    found = _PAGINGS.get(type(paginator))
    return found(paginator) if found is not None else AutoPaging()


def _inside(body_path: str | None, param: str) -> str:
    return f"body.{body_path}" if body_path else param


_PAGINGS: Mapping[type, Callable[[Any], Paging]] = {
    said.SinglePage: lambda _p: Single(),
    said.JsonLink: lambda p: NextUrl(p.next_url_path, more=p.has_more_path),
    said.HeaderLink: lambda p: LinkHeader(p.links_next_key),
    said.CursorPaginator: lambda p: Cursor(
        _inside(p.cursor_body_path, p.cursor_param or "cursor"), p.cursor_path, more=p.has_more_path
    ),
    said.HeaderCursor: lambda p: HeaderCursor(p.cursor_param, p.cursor_key),
    said.LastId: lambda p: LastRow(p.param, p.id_path, p.has_more_path),
    said.OffsetPaginator: lambda p: Offset(
        p.limit,
        _inside(p.offset_body_path, p.offset_param),
        _inside(p.limit_body_path, p.limit_param),
        start=p.offset,
        total=p.total_path or None,
        more=p.has_more_path,
        most=p.maximum_offset,
    ),
    said.PageNumberPaginator: lambda p: PageNumber(
        _inside(p.page_body_path, p.page_param),
        start=p.base_page,
        total=p.total_path or None,
        more=p.has_more_path,
        most=p.maximum_page,
    ),
}


@dataclass(frozen=True, slots=True)
class _Bound:
    """A path and parameters whose places are filled from a parent's rows."""

    path: str
    params: Mapping[str, Any]
    parent: Parent | None
    since: tuple[str, Mapping[str, Any]] | None


def _resource(manifest: Manifest, place: int) -> Resource:
    resource, where = manifest.resources[place], f"resources[{place}]"
    endpoint = resource.endpoint
    bound = _bound(manifest, place)
    increment = _increment(resource, bound, where)
    columns: dict[str, Kind] = dict(resource.columns)
    return Resource(
        name=resource.name,
        path=bound.path,
        columns=columns,
        open=True,
        rows=rows_finder(resource.name) if endpoint.data_selector is None else endpoint.data_selector,
        names=endpoint.columns_selector,
        key=tuple(_column(name, resource, f"{where}.primary_key") for name in resource.primary_key),
        method=endpoint.method,
        params=bound.params,
        body=endpoint.body if endpoint.body is not None or endpoint.method == "GET" else {},
        paging=_paging(endpoint.paginator or manifest.client.paginator),
        increment=increment,
        parent=bound.parent,
        shape=_flattened(resource.flatten) if resource.flatten else None,
        description=resource.description,
    )


def _bound(manifest: Manifest, place: int) -> _Bound:
    resource, where = manifest.resources[place], f"resources[{place}].endpoint"
    path, params = resource.endpoint.path, dict(resource.endpoint.params)
    fields: dict[str, tuple[str, str]] = {}
    since = None
    for name, value in list(params.items()):
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "resolve":
            if f"{{{name}}}" not in path:
                raise fault(f"{where}.params.{name}: the path has no place {{{name}}}")
            fields[name] = (str(value.get("resource")), str(value.get("field") or "id"))
            del params[name]
        elif kind == "incremental":
            since = (name, value)
            del params[name]
        elif isinstance(value, dict):
            raise fault(f"{where}.params.{name}: must be plain, or of type resolve or incremental")
    for text in (path, *(value for value in params.values() if isinstance(value, str))):
        for inner in _PLACE.findall(text):
            named = _OF_PARENT.fullmatch(inner)
            if named is not None:
                fields[inner] = (named[1], named[2])
            elif inner not in fields and text is path:  # parameters may hold braces of their own
                raise fault(f"{where}.path: {{{inner}}} stands for nothing; write {{resources.name.field}}")
    return _Bound(path, params, _parent(manifest, place, fields), since)


def _parent(manifest: Manifest, place: int, fields: Mapping[str, tuple[str, str]]) -> Parent | None:
    resource, where = manifest.resources[place], f"resources[{place}]"
    names = {name for name, _ in fields.values()}
    if not names:
        if resource.include_from_parent:
            raise fault(f"{where}.include_from_parent: the path names no other resource")
        return None
    if len(names) > 1:
        raise fault(f"{where}.endpoint.path: only one other resource can be named, not {' and '.join(sorted(names))}")
    (name,) = names
    if name not in [other.name for other in manifest.resources[:place]]:
        raise fault(f"{where}.endpoint.path: there is no resource {name} before this one")
    carried = {f"_{name}_{path.replace('.', '_')}": path for path in resource.include_from_parent}
    return Parent(name, {key: path for key, (_, path) in fields.items()}, carried)


def _increment(resource: said.Resource, bound: _Bound, where: str) -> Increment | None:
    given = resource.endpoint.incremental
    if bound.since is not None:
        if given is not None:
            raise fault(f"{where}.endpoint.params.{bound.since[0]}: endpoint.incremental is there already")
        given = _incremental_of(*bound.since, where=where)
    if given is None:
        return None
    param = f"body.{given.start_body_path}" if given.start_body_path else given.start_param
    return Increment(
        _column(given.cursor_path, resource, f"{where}.endpoint.incremental.cursor_path"),
        param=param,
        written=given.format or "plain",
        order=given.order,
        initial=given.initial_value,
    )


def _incremental_of(name: str, value: Mapping[str, Any], where: str) -> said.Incremental:
    known = {key: value[key] for key in ("cursor_path", "initial_value", "format", "order") if key in value}
    if not isinstance(known.get("cursor_path"), str):
        raise fault(f"{where}.endpoint.params.{name}.cursor_path: is required")
    return said.Incremental(start_param=name, **known)


def _column(path: str, resource: said.Resource, where: str) -> str:
    """The column that a path into a row becomes."""
    outer, _, inner = path.removeprefix("$.").partition(".")
    if not inner:
        return outer
    if outer not in resource.flatten or "." in inner:
        raise fault(f"{where}: {path} is inside {outer}; name {outer} in flatten to make columns of what it holds")
    return f"{outer}_{inner}"


def _flattened(names: tuple[str, ...]) -> Callable[[Any], Any]:
    def shape(row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        made: dict[str, Any] = {}
        for name, value in row.items():
            if name in names and isinstance(value, dict):
                made.update({f"{name}_{inner}": each for inner, each in value.items()})
            else:
                made[name] = value
        return made

    return shape
