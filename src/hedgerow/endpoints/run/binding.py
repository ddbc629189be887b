"""What a token ties a run to: its endpoints, versions and fixed values, which nothing in a request can undo."""

from collections.abc import Mapping
from typing import Any

import orjson

from hedgerow.endpoints.run.bodies import RunBody
from hedgerow.kit.errors import PermissionDenied
from hedgerow.web.access import Grant, Principal

_NOT_FOR_TOKENS = ("debug", "client_query_id", "filters_override", "query_override")


def grant_of(principal: Principal, name: str) -> Grant | None:
    """What the caller is tied to on the endpoint of that name; `None` is nothing. Raises `PermissionDenied`."""
    if principal.bounds is None:
        return None
    found = principal.bounds.grants.get(name)
    if found is None:
        # Said before it is looked up: whether there is such an endpoint is not the token's to know.
        raise PermissionDenied("This token does not allow this endpoint.")
    return found


def check_body(grant: Grant | None, body: RunBody) -> None:
    """Raises `PermissionDenied` for what only the owner of an endpoint may ask."""
    if grant is None:
        return
    for field in _NOT_FOR_TOKENS:
        if getattr(body, field):
            raise PermissionDenied(f"A token does not allow {field}.")
    if body.mode() != "cache":
        raise PermissionDenied("A token does not allow refresh.")


def version_of(grant: Grant | None, wanted: int | None) -> int | None:
    """The version to run: the wanted one, or the only one that is allowed. Raises `PermissionDenied`."""
    if grant is None or grant.versions is None:
        return wanted
    if wanted is None and len(grant.versions) == 1:
        return next(iter(grant.versions))
    if wanted is not None and wanted not in grant.versions:
        raise PermissionDenied(f"This token does not allow version {wanted}.")
    return wanted


def tied(grant: Grant | None, number: int, own: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """`given` values with the fixed ones; `own` are those of the version `number`, which is the one that will run.

    Raises `PermissionDenied` when a fixed value is given another, and when the version has no such variable: without
    it the query would answer for everybody.
    """
    if grant is None:
        return given
    if grant.versions is not None and number not in grant.versions:
        raise PermissionDenied(f"This token does not allow version {number}.")
    for name, value in grant.values.items():
        if name not in own:
            raise PermissionDenied(f"This token fixes variable {name}, which version {number} does not have.")
        if name in given and not _same(given[name], value):
            raise PermissionDenied(f"This token fixes variable {name}: it cannot be given another value.")
    return {**given, **grant.values}


def _same(one: Any, other: Any) -> bool:
    """Equality as JSON: Python alone takes 1 for true."""
    try:
        return orjson.dumps(one) == orjson.dumps(other)
    except TypeError:
        return False
