"""Tokens that are safe in a browser: signed, short-lived, tied to endpoints and to fixed values of variables."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import jwt
import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError, model_validator
from sqlalchemy.orm import Session

from hedgerow.accounts import directory
from hedgerow.accounts.rows import KeyRow
from hedgerow.accounts.signing import Opened, SigningKeys
from hedgerow.kit.errors import AuthenticationFailed
from hedgerow.kit.rates import Rate
from hedgerow.web.access import Bounds, Grant, Kind, Principal

LEEWAY_SECONDS = 10
"""How far the clocks of those who sign may be off."""
_MOST_CHARACTERS = 8_192
_MOST_ENDPOINTS = 100
_MOST_VALUES = 100
_MAY_MINT = frozenset({"*", "endpoint:read", "endpoint:write"})
_HEADERS = frozenset({"alg", "typ", "kid"})
_MISTAKEN = frozenset({"endpoint", "variables", "variable", "version", "versions", "fixed_params", "scopes", "scope"})
"""Claims that somebody may take for limits: better no token than one that allows more than was meant."""

_Plain = StrictBool | StrictInt | Annotated[float, Field(strict=True, allow_inf_nan=False)] | StrictStr | None
_Value = _Plain | Annotated[list[_Plain], Field(max_length=1_000)]


class GrantClaim(BaseModel):
    """What is allowed on one endpoint. A name that is not known could be a limit, so it is refused."""

    model_config = ConfigDict(extra="forbid")
    variables: dict[str, _Value] = Field({}, max_length=_MOST_VALUES, description="Values that are fixed, by name.")
    versions: list[Annotated[int, Field(strict=True, ge=1)]] | None = Field(
        None, min_length=1, max_length=1_000, description="The only versions that may be run."
    )


class Claims(BaseModel):
    """What a token says beyond its times. Claims of the signer's own are passed over."""

    model_config = ConfigDict(extra="ignore")
    endpoints: dict[str, GrantClaim] = Field(min_length=1, max_length=_MOST_ENDPOINTS)
    exp: int
    iat: int = 0
    rate: str | None = None
    sub: str | None = Field(None, max_length=200)
    by: UUID | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_mistaken_limits(cls, data: Any) -> Any:
        mistaken = sorted(_MISTAKEN & set(data)) if isinstance(data, dict) else []
        if mistaken:
            raise ValueError(f"limits belong into endpoints, not into {mistaken[0]}")
        return data

    def limit(self) -> Rate | None:
        """Its rate; raises `ValueError`."""
        return None if self.rate is None else Rate.parse(self.rate)


@dataclass(frozen=True, slots=True)
class Wish:
    """A token to sign: times in seconds, `not_before` as a Unix time."""

    endpoints: Mapping[str, GrantClaim]
    seconds: int
    rate: str | None = None
    subject: str | None = None
    not_before: int | None = None


def signed(key: Opened, wish: Wish, minted_by: str | None) -> tuple[str, int]:
    """A token and the Unix time of its end. One that was minted by a personal key is good as long as that key is."""
    start = int(time.time())
    claims: dict[str, Any] = {
        "endpoints": {name: grant.model_dump(exclude_unset=True) for name, grant in wish.endpoints.items()},
        "iat": start,
        "exp": max(start, wish.not_before or 0) + wish.seconds,
    }
    more = {"rate": wish.rate, "sub": wish.subject, "nbf": wish.not_before, "by": minted_by}
    claims |= {name: value for name, value in more.items() if value is not None}
    text = jwt.encode(claims, key.material, key.key.algorithm, headers={"kid": str(key.key.id)})
    return text, claims["exp"]


def looks_like_one(value: str) -> bool:
    """Whether credentials are meant as a token: three parts with dots between."""
    return value.count(".") == 2


def verified(session: Session, keys: SigningKeys, text: str, most_seconds: int) -> tuple[Principal, float]:
    """Whom a token stands for, and the Unix time until which it does. Raises `AuthenticationFailed`."""
    opened = keys.opened(session, _key_id(text))
    if opened is None:
        raise AuthenticationFailed("The token's signing key is not known, or is good no more.")
    claims = _read(_decoded(text, opened))
    end = float(claims.exp + LEEWAY_SECONDS)
    if end > time.time() + most_seconds + 2 * LEEWAY_SECONDS:
        raise AuthenticationFailed(f"The token lives too long: {most_seconds} seconds are the most.")
    if claims.by is not None and opened.key.own and not _still_good(session, claims, opened.key.project_id):
        raise AuthenticationFailed("The key that made this token is good no more.")
    if opened.key.retires_at is not None:
        end = min(end, opened.key.retires_at.timestamp())
    return _principal(opened, claims, text), end


def _key_id(text: str) -> UUID:
    """The `kid` of the header: which key to ask, and nothing else, is taken from what is not verified yet."""
    if len(text) > _MOST_CHARACTERS:
        raise AuthenticationFailed("The token is too long.")
    try:
        header = jwt.get_unverified_header(text)
        if not _HEADERS.issuperset(header):
            raise AuthenticationFailed("The token's header may have alg, typ and kid, and nothing else.")
        return UUID(header["kid"])
    except (jwt.PyJWTError, KeyError, ValueError, AttributeError, TypeError, RecursionError):
        raise AuthenticationFailed("The token cannot be read.") from None


def _decoded(text: str, opened: Opened) -> dict[str, Any]:
    """The verified claims; with the algorithm that the key is of, whatever the header says."""
    try:
        claims: dict[str, Any] = jwt.decode(
            text,
            opened.material,
            algorithms=[opened.key.algorithm],
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp"], "verify_aud": False},
        )
        # What cannot be written as strict JSON (lone surrogates, endless numbers) is refused here, not later in a run.
        orjson.dumps(claims)
    except jwt.ExpiredSignatureError:
        raise AuthenticationFailed("The token has expired.") from None
    except jwt.ImmatureSignatureError:
        raise AuthenticationFailed("The token is not valid yet.") from None
    except jwt.MissingRequiredClaimError as error:
        raise AuthenticationFailed(f"The token has no {error.claim}.") from None
    except (jwt.PyJWTError, OverflowError, ValueError, TypeError, RecursionError):
        raise AuthenticationFailed("The token's signature is not valid.") from None
    return claims


def _read(given: Mapping[str, Any]) -> Claims:
    try:
        claims = Claims.model_validate(given)
        claims.limit()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "claims"
        raise AuthenticationFailed(f"The token's {place[:100]}: {first['msg'][:200]}") from None
    except ValueError as error:
        raise AuthenticationFailed(f"The token's rate: {str(error)[:200]}") from None
    return claims


def _principal(opened: Opened, claims: Claims, text: str) -> Principal:
    project = frozenset({opened.key.project_id})
    subject = claims.sub if claims.sub is not None else text
    grants = {
        name: Grant(None if grant.versions is None else frozenset(grant.versions), grant.variables)
        for name, grant in claims.endpoints.items()
    }
    counted = hashlib.sha256(f"{opened.key.project_id}:{subject}".encode()).hexdigest()[:32]
    return Principal(
        user_id=0,
        key_id=str(opened.key.id),
        scopes=frozenset({"endpoint:read"}),
        projects=project,
        current_project=opened.key.project_id,
        member_projects=project,
        kind=Kind.BROWSER,
        bounds=Bounds(grants, counted, claims.limit(), claims.sub or ""),
    )


def _still_good(session: Session, claims: Claims, project_id: int) -> bool:
    """Whether the personal key that minted a token could mint it today, and has the value it had then."""
    row = session.get(KeyRow, claims.by)
    if row is None or row.revoked_at is not None:
        return False
    if row.last_rolled_at is not None and int(row.last_rolled_at.timestamp()) > claims.iat:
        return False
    scopes = {"*"} if row.scopes is None else set(row.scopes)
    allowed = row.scoped_projects is None or project_id in row.scoped_projects
    return allowed and not scopes.isdisjoint(_MAY_MINT) and project_id in directory.project_ids(session, row.user_id)
