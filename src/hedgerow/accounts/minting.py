"""What a wanted token must be like before it is signed; by the route and the command line alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from hedgerow.accounts.tokens import GrantClaim, Wish
from hedgerow.kit.errors import InvalidInput
from hedgerow.kit.rates import Rate


def grant(values: Mapping[str, Any], versions: Sequence[int] | None) -> GrantClaim:
    """What is allowed on one endpoint; raises `InvalidInput`."""
    given: dict[str, Any] = {"variables": dict(values)}
    if versions is not None:
        given["versions"] = list(versions)
    try:
        return GrantClaim.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        attr = "__".join(str(part) for part in first["loc"][:2])
        raise InvalidInput(str(first["msg"]), attr=attr) from None


def wish(
    grants: Mapping[str, GrantClaim], seconds: tuple[int, int], rate: str | None = None, subject: str | None = None
) -> Wish:
    """A token of `seconds`: as many as wanted, and the most there may be. Raises `InvalidInput`."""
    wanted, most = seconds
    if not 1 <= wanted <= most:
        raise InvalidInput(f"A token lives for 1 to {most} seconds.", attr="expires_in")
    try:
        if rate is not None and Rate.parse(rate) is None:
            raise ValueError("an empty text is no rate")
    except ValueError as error:
        raise InvalidInput(str(error)[:200], attr="rate") from None
    return Wish(grants, wanted, rate, subject)


def values_of(texts: Sequence[str]) -> dict[str, Any]:
    """`name=value` each; a value that is no JSON is a text. Raises `InvalidInput`."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InvalidInput(f"Write name=value, not {text[:60]}.", attr="var")
        try:
            found[name] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found[name] = value
    return found
