"""Ways to prove who asks: what each adds to a request."""

import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from hedgerow.connectors.base import Refused

Exchange = Callable[[str, dict[str, str], dict[str, str]], Any]
"""Posts a form to an address with headers; gives the JSON that comes back."""

_EARLIER_SECONDS = 60.0  # a token is asked for anew so long before it ends


@dataclass(frozen=True, slots=True)
class Proof:
    """What to add to a request."""

    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)


class Auth(Protocol):
    """One way of authentication."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""

    def proof(self, exchange: Exchange) -> Proof:
        """What to add to the next request; `exchange` is for those that trade a secret for a token first."""

    def forget(self) -> bool:
        """Drop a token that was refused; whether another try may help."""


class Nobody:
    """No authentication."""

    secrets: tuple[str, ...] = ()

    def proof(self, exchange: Exchange) -> Proof:
        return Proof()

    def forget(self) -> bool:
        return False


class Bearer:
    """`Authorization: Bearer …`, or with another word."""

    def __init__(self, token: str, word: str = "Bearer") -> None:
        self.secrets = (token,)
        self._proof = Proof({"Authorization": f"{word} {token}"})

    def proof(self, exchange: Exchange) -> Proof:
        return self._proof

    def forget(self) -> bool:
        return False


class Basic:
    """A user's name and password."""

    def __init__(self, user: str, password: str) -> None:
        joined = b64encode(f"{user}:{password}".encode()).decode()
        self.secrets = (password, joined)
        self._proof = Proof({"Authorization": f"Basic {joined}"})

    def proof(self, exchange: Exchange) -> Proof:
        return self._proof

    def forget(self) -> bool:
        return False


class ApiKey:
    """A key in a header or in the query."""

    def __init__(self, key: str, name: str, location: Literal["header", "query"] = "header") -> None:
        self.secrets = (key,)
        self._proof = Proof(headers={name: key}) if location == "header" else Proof(params={name: key})

    def proof(self, exchange: Exchange) -> Proof:
        return self._proof

    def forget(self) -> bool:
        return False


class ClientCredentials:
    """OAuth 2: an id and a secret are traded for a token, again before it ends or when it is refused."""

    def __init__(self, token_url: str, client_id: str, client_secret: str, scope: str = "") -> None:
        self._url, self._id, self._secret, self._scope = token_url, client_id, client_secret, scope
        self._token: str | None = None
        self._until = 0.0

    @property
    def secrets(self) -> tuple[str, ...]:
        basic = b64encode(f"{self._id}:{self._secret}".encode()).decode()
        return (self._secret, basic, *([self._token] if self._token else []))

    def proof(self, exchange: Exchange) -> Proof:
        if self._token is None or time.monotonic() >= self._until:
            form = {"grant_type": "client_credentials", "client_id": self._id, "client_secret": self._secret}
            answer = exchange(self._url, {**form, **({"scope": self._scope} if self._scope else {})}, {})
            token = answer.get("access_token") if isinstance(answer, dict) else None
            if not isinstance(token, str) or not token:
                raise Refused("The token address gave no access_token.")
            try:
                seconds = float(answer.get("expires_in") or 3600)
            except (TypeError, ValueError):
                seconds = 3600.0
            self._token, self._until = token, time.monotonic() + max(seconds - _EARLIER_SECONDS, seconds / 2)
        return Proof({"Authorization": f"Bearer {self._token}"})

    def forget(self) -> bool:
        had, self._token = self._token is not None, None
        return had
