"""What the gate costs a run that is answered from memory: credentials, scope, project, rates, slots."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import jwt
from starlette.requests import Request

from bench.table import Measured, show
from hedgerow.accounts import Accounts, keys, prepare, secret_keys, tokens
from hedgerow.accounts.administration import store_url
from hedgerow.cache.memory import MemoryCache
from hedgerow.kit.rates import Charge, Rate
from hedgerow.kit.settings import Settings
from hedgerow.store import Secrets, Store
from hedgerow.web.access import ANYONE, Access
from hedgerow.web.gate import KeyGate
from hedgerow.web.limits.refusals import Refusals
from hedgerow.web.limits.throttles import Throttles

_ROUNDS, _EACH = 30, 500
_MOST = 20.0
_RATES = {"query": [Rate(10**9, 60), Rate(10**9, 3600)]}
_OWN = (Charge("endpoint", Rate(10**9, 60), "throttle:endpoint:60:x"),)


def _request(key: str) -> Request:
    headers = [(b"authorization", b"Bearer " + key.encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b"", "path": "/x"}
    return Request({**scope, "path_params": {"project_id": "1"}})


async def _microseconds(enter: Callable[[Request], Awaitable[Access]], key: str, *, endpoint: bool) -> float:
    charges = _OWN if endpoint else ()
    best = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        for _ in range(_EACH):
            access = await enter(_request(key))
            await access.admit("query", charges)
        best.append((time.perf_counter() - began) / _EACH * 1e6)
    return statistics.median(best)


def _keys(store: Store, accounts: Accounts) -> dict[str, str]:
    with store.write() as session:
        prepare(session, with_key=False)
        person = keys.create(session, 1, keys.KeyWishes("p", ["endpoint:read"]))[1]
        project = secret_keys.create(session, 1, 1, "s", ["endpoint:read"])[1]
        wish = tokens.Wish({"e": tokens.GrantClaim(variables={"tenant": "a"})}, 3600, "1000000000/minute", "s")
        browser = tokens.signed(accounts.signing.own(session, 1), wish, None)[0]
    assert jwt.get_unverified_header(browser)["kid"]
    return {"personal key": person, "secret key": project, "token": browser}


async def _measure(home: Path) -> list[Measured]:
    store = Store(store_url(Settings(home=home)))
    store.migrate()
    accounts = Accounts(store, Secrets(["bench"]), 86_400)
    found = []
    for name, key in _keys(store, accounts).items():
        for rates in ({}, _RATES):
            cache = MemoryCache()
            gate = KeyGate(accounts, accounts, Throttles(cache, rates), Refusals(cache, None))
            enter = gate.project("endpoint:read", bucket=None, kinds=ANYONE)
            taken = await _microseconds(enter, key, endpoint=bool(rates))
            line = f"{name}, {'every' if rates else 'no'} limit; goal against what is allowed"
            found.append(Measured(line, taken, _MOST, "µs", f"<= {_MOST:.0f} µs", taken <= _MOST))
    store.dispose()
    return found


def main() -> None:
    """Print what each kind of credentials costs."""
    with tempfile.TemporaryDirectory() as home:
        show("The gate in front of a run, from memory", asyncio.run(_measure(Path(home))))


if __name__ == "__main__":
    main()
