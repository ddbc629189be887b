"""Tokens for browsers: what is fixed stays fixed, whatever a request says, and nothing but runs is allowed."""

import base64
import hashlib
import hmac
import json
import string
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.apps import Api

RUN = "/endpoints/sales/run"
QUERY = "select {variables.tenant} as tenant, {variables.year} as year"
Sign = Callable[..., str]


@pytest.fixture
def api(make_app: Any) -> Api:
    """Endpoint `sales` answers its two variables; version 1 has no variable `tenant`."""
    made: Api = make_app()
    for name in ("tenant", "year"):
        answer = made.post("/insight_variables", json={"name": name, "type": "String", "default_value": "own"})
        assert answer.status_code == 201, answer.text
    for text in ("select 'everybody' as tenant, {variables.year} as year", QUERY):
        query = {"kind": "HogQLQuery", "query": text}
        if text is not QUERY:
            assert made.post("/endpoints", json={"name": "sales", "query": query}).status_code == 201
            assert made.post("/endpoints", json={"name": "other", "query": query}).status_code == 201
        else:
            assert made.patch("/endpoints/sales", json={"query": query}).status_code == 200
    return made


@pytest.fixture
def signing_key(api: Api) -> dict[str, Any]:
    answer = api.post("/endpoint_signing_keys", json={"label": "backend"})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
def sign(signing_key: dict[str, Any]) -> Sign:
    """As a customer's own backend signs: with the secret, and no code of ours."""

    def signed(claims: dict[str, Any] | None = None, headers: dict[str, Any] | None = None, **more: Any) -> str:
        whole = {"exp": int(time.time()) + 60, "endpoints": {"sales": {"variables": {"tenant": "a"}}}}
        secret = more.get("secret", signing_key["secret"])
        algorithm = more.get("algorithm", "HS256")
        kid = {"kid": signing_key["id"]} if headers is None else headers
        return jwt.encode(whole | (claims or {}), secret, algorithm, headers=kid)

    return signed


def _minted(api: Api, name: str = "sales", **body: Any) -> str:
    answer = api.post(f"/endpoints/{name}/tokens", json=body)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def _detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    detail: str = answer.json()["detail"]
    return detail


def _rows(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def test_a_minted_token_runs_with_its_values_fixed(api: Api) -> None:
    browser = api.with_key(_minted(api, variables={"tenant": "a"}))
    assert _rows(browser.get(RUN)) == [["a", "own"]]
    assert _rows(browser.post(RUN, json={"variables": {"year": "2026"}})) == [["a", "2026"]]
    assert _rows(browser.post(RUN, json={"variables": {"tenant": "a"}})) == [["a", "own"]]


def test_a_token_of_ones_own_backend_is_as_good(api: Api, sign: Sign) -> None:
    assert _rows(api.with_key(sign()).post(RUN)) == [["a", "own"]]


def test_an_ed25519_key_stays_with_its_owner(api: Api) -> None:
    private = Ed25519PrivateKey.generate()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    made = api.post("/endpoint_signing_keys", json={"label": "k", "public_key": public}).json()
    assert (made["algorithm"], made["secret"]) == ("EdDSA", None)
    claims = {"exp": int(time.time()) + 60, "endpoints": {"sales": {"variables": {"tenant": "a"}}}}
    token = jwt.encode(claims, private, "EdDSA", headers={"kid": made["id"]})
    assert _rows(api.with_key(token).post(RUN)) == [["a", "own"]]
    # The public key is public: nobody can sign with it as if it were a shared secret.
    header = {"alg": "HS256", "typ": "JWT", "kid": made["id"]}
    forged = _handmade(header, claims, public.encode())
    assert _detail(api.with_key(forged).post(RUN), 401) == "The token's signature is not valid."


def _handmade(header: dict[str, Any], claims: Any, secret: bytes) -> str:
    """A token signed with HMAC, past every check that a library makes of the secret."""
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    signature = base64.urlsafe_b64encode(hmac.digest(secret, b".".join(parts), hashlib.sha256)).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {"variables": {"tenant": "b"}}},
        {"json": {"variables": {"tenant": None}}},
        {"json": {"variables": {"tenant": ["a"]}}},
        {"json": {"variables": {"tenant": True}}},
        {"json": {"variables": {"tenant": {"value": "b"}}}},
        {"json": {"variables": {"tenant": {"isNull": True}}}},
        {"json": {"variables": {"Tenant": "b"}}},
        {"json": {"variables": {"TENANT": "b"}}},
        {"json": {"variables": {"tenant ": "b"}}},
        {"json": {"variables": {"variables.tenant": "b"}}},
        {"json": {"variables_override": {"tenant": "b"}}},
        {"json": {"tenant": "b"}},
        {"json": {"filters_override": {"date_from": "-7d"}}},
        {"json": {"query_override": {"kind": "HogQLQuery", "query": "select 1"}}},
        {"json": {"debug": True}},
        {"json": {"refresh": "force"}},
        {"json": {"refresh": "direct"}},
        {"json": {"client_query_id": "x"}},
        {"json": {"version": 1}},
        {"json": {}, "params": {"version": "1"}},
        {"content": b'{"variables": {"tenant": "a"}, "variables": {"tenant": "b"}}'},
        {"content": b'{"variables": {"tenant": "a", "tenant": "b"}}'},
        {"content": b'{"variables": {"ten\\u0061nt": "b"}}'},
    ],
    ids=str,
)
def test_what_is_fixed_cannot_be_undone(api: Api, request_of: dict[str, Any]) -> None:
    browser = api.with_key(_minted(api, variables={"tenant": "a"}))
    answer = browser.post(RUN, **request_of)
    assert answer.status_code in {400, 403}, answer.text


@pytest.mark.parametrize("query", ["tenant=b", "variables.tenant=b", "variables[tenant]=b", "variables_tenant=b"])
def test_a_query_string_does_not_undo_it_either(api: Api, query: str) -> None:
    browser = api.with_key(_minted(api, variables={"tenant": "a"}))
    for answer in (browser.get(f"{RUN}?{query}"), browser.post(f"{RUN}?{query}")):
        assert answer.status_code in {400, 403} or answer.json()["results"] == [["a", "own"]]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(string.printable, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(string.printable, max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
NAMES = st.sampled_from(
    ["tenant", "Tenant", "TENANT", "tenant\x00", " tenant", "year", "variables", "variables_override", "version"]
) | st.text(string.printable, max_size=8)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "variables": st.dictionaries(NAMES, JSON, max_size=3) | JSON,
        "version": st.integers(-1, 3) | JSON,
        "refresh": st.sampled_from(["cache", "force", "direct", None]),
        "limit": st.integers(-1, 3),
        "debug": st.booleans(),
        "filters_override": st.dictionaries(NAMES, JSON, max_size=1),
        "query_override": JSON,
        "variables_override": st.dictionaries(NAMES, JSON, max_size=1),
    },
)
QUERY_STRINGS = st.dictionaries(NAMES, st.sampled_from(["b", "1", "2", "", '{"tenant": "b"}']), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=BODIES, params=QUERY_STRINGS, post=st.booleans())
def test_no_request_ever_answers_for_another_tenant(
    api: Api, body: dict[str, Any], params: dict[str, str], post: bool
) -> None:
    if not hasattr(api.app.state, "test_browser"):
        api.app.state.test_browser = api.with_key(_minted(api, variables={"tenant": "a"}))
    browser: Api = api.app.state.test_browser
    answer = browser.post(RUN, json=body, params=params) if post else browser.get(RUN, params=params)
    assert answer.status_code in {200, 400, 403, 404}, answer.text
    if answer.status_code == 200:
        assert {row[0] for row in answer.json()["results"]} <= {"a"}


def test_a_version_without_the_variable_is_refused(api: Api) -> None:
    browser = api.with_key(_minted(api, variables={"tenant": "a"}))
    for answer in (browser.post(RUN, json={"version": 1}), browser.get(f"{RUN}?version=1")):
        assert "fixes variable tenant, which version 1 does not have" in _detail(answer, 403)
    # A later version that forgets the variable does not open what was closed.
    query = {"kind": "HogQLQuery", "query": "select 'everybody' as tenant"}
    assert api.patch("/endpoints/sales", json={"query": query}).status_code == 200
    assert "version 3 does not have" in _detail(browser.post(RUN), 403)
    assert _rows(browser.get(f"{RUN}?version=2")) == [["a", "own"]]


def test_a_token_is_limited_to_versions(api: Api) -> None:
    old = api.with_key(_minted(api, versions=[1]))
    assert _rows(old.post(RUN)) == [["everybody", "own"]]
    assert "does not allow version 2" in _detail(old.post(RUN, json={"version": 2}), 403)
    assert "does not allow version 2" in _detail(old.get(f"{RUN}?version=2"), 403)
    both = api.with_key(_minted(api, versions=[1, 2]))
    assert _rows(both.post(RUN)) == [["own", "own"]]


def test_a_token_is_limited_to_endpoints_and_to_runs(api: Api) -> None:
    browser = api.with_key(_minted(api, variables={"tenant": "a"}))
    for name in ("other", "absent", "Sales", "sales%20"):
        assert _detail(browser.post(f"/endpoints/{name}/run"), 403) == "This token does not allow this endpoint."
    for method, path in (
        ("GET", "/endpoints"),
        ("GET", "/endpoints/sales"),
        ("PATCH", "/endpoints/sales"),
        ("POST", "/endpoints/sales/tokens"),
        ("POST", "/query"),
        ("GET", "/activity_log"),
        ("GET", "/endpoint_signing_keys"),
        ("GET", "/api/users/@me"),
    ):
        assert "does not support endpoint token access" in _detail(browser.request(method, path, json={}), 403)
    other = api.other_project().with_key(browser.key)
    assert "does not have access to the requested project" in _detail(other.post(RUN), 403)
    several = api.with_key(_minted(api, variables={"tenant": "a"}, endpoints={"other": {"variables": {"year": "1"}}}))
    assert _rows(several.post("/endpoints/other/run")) == [["everybody", "1"]]
    assert _rows(several.post(RUN)) == [["a", "own"]]


def test_a_token_comes_in_the_header_only(api: Api) -> None:
    token, nobody = _minted(api), api.with_key(None)
    assert nobody.post(RUN, json={"personal_api_key": token}).status_code == 401
    assert nobody.get(RUN, params={"personal_api_key": token}).status_code == 401


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": int(time.time()) - 60}, "The token has expired."),
        ({"nbf": int(time.time()) + 3600}, "The token is not valid yet."),
        ({"exp": int(time.time()) + 40 * 86_400}, "lives too long"),
        ({"exp": "soon"}, "not valid"),
        ({"exp": 1e400}, "not valid"),
        ({"exp": None}, "no exp"),
        ({"endpoints": None}, "endpoints"),
        ({"endpoints": {}}, "endpoints"),
        ({"endpoints": ["sales"]}, "endpoints"),
        ({"endpoints": {"sales": {"variable": {"tenant": "a"}}}}, "endpoints.sales.variable"),
        ({"endpoints": {"sales": {"variables": {"tenant": {"x": 1}}}}}, "endpoints.sales.variables"),
        ({"endpoints": {"sales": {"variables": {"tenant": float("nan")}}}}, "endpoints.sales.variables"),
        ({"endpoints": {"sales": {"variables": {"tenant": 2**70}}}}, "not valid"),
        ({"endpoints": {"sales": {"variables": {"tenant": "\ud800"}}}}, "not valid"),
        ({"endpoints": {"sales": {"versions": []}}}, "endpoints.sales.versions"),
        ({"endpoints": {"sales": {"versions": ["1"]}}}, "endpoints.sales.versions"),
        ({"endpoints": {"sales": {"versions": [True]}}}, "endpoints.sales.versions"),
        ({"variables": {"tenant": "a"}}, "limits belong into endpoints"),
        ({"versions": [1]}, "limits belong into endpoints"),
        ({"rate": "fast"}, "rate"),
        ({"sub": 7}, "not valid"),
    ],
    ids=str,
)
def test_a_token_that_is_wrong_is_refused(api: Api, sign: Sign, claims: dict[str, Any], said: str) -> None:
    assert said in _detail(api.with_key(sign(claims)).post(RUN), 401)


def test_clocks_may_be_off_a_little(api: Api, sign: Sign) -> None:
    now = int(time.time())
    assert api.with_key(sign({"exp": now - 5})).post(RUN).status_code == 200
    assert api.with_key(sign({"nbf": now + 5})).post(RUN).status_code == 200


def test_a_token_ends_while_it_is_remembered(api: Api, sign: Sign) -> None:
    browser = api.with_key(sign({"exp": int(time.time()) - 8}))
    assert browser.post(RUN).status_code == 200
    time.sleep(3)
    assert _detail(browser.post(RUN), 401) == "The token has expired."


def test_no_other_algorithm_is_taken(api: Api, sign: Sign, signing_key: dict[str, Any]) -> None:
    private = Ed25519PrivateKey.generate()
    kid, claims = {"kid": signing_key["id"]}, {"exp": int(time.time()) + 60, "endpoints": {"sales": {}}}
    secret = signing_key["secret"]
    none = jwt.encode(claims, None, "none", headers=kid)
    blank = none.rsplit(".", 1)[0] + "."
    for token in (
        none,
        blank,
        jwt.encode(claims, secret + "x" * 64, "HS512", headers=kid),
        jwt.encode(claims, secret * 2, "HS384", headers=kid),
        jwt.encode(claims, private, "EdDSA", headers=kid),
        sign(secret="another secret that is long enough to sign"),
        sign(claims)[:-4] + "AAAA",
    ):
        assert _detail(api.with_key(token).post(RUN), 401) == "The token's signature is not valid."


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"kid": "x"},
        {"kid": "../../etc/passwd"},
        {"kid": "00000000-0000-0000-0000-000000000000"},
        {"kid": "' or 1=1 --"},
    ],
    ids=str,
)
def test_a_key_that_is_not_known_is_refused(api: Api, sign: Sign, headers: dict[str, Any]) -> None:
    assert api.with_key(sign(headers=headers)).post(RUN).status_code == 401


def test_headers_that_could_name_a_key_are_refused(api: Api, sign: Sign, signing_key: dict[str, Any]) -> None:
    for more in (
        {"jku": "https://evil.example"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"crit": ["exp"]},
        {"b64": False},
    ):
        header = {"alg": "HS256", "kid": signing_key["id"], **more}
        token = _handmade(
            header, jwt.decode(sign(), options={"verify_signature": False}), signing_key["secret"].encode()
        )
        assert _detail(api.with_key(token).post(RUN), 401) in {
            "The token's header may have alg, typ and kid, and nothing else.",
            "The token cannot be read.",
        }


@pytest.mark.parametrize("token", ["..", "a.b.c", "eyJhbGciOiJIUzI1NiJ9..", "x." * 2, "é.b.c", "a.b.c" + "x" * 9_000])
def test_rubbish_is_refused(api: Api, token: str) -> None:
    answer = api.with_key(None).post(RUN, headers={"Authorization": b"Bearer " + token.encode()})
    assert answer.status_code == 401, answer.text


def test_rotation_lets_the_old_key_go_on_for_its_grace(api: Api, sign: Sign, signing_key: dict[str, Any]) -> None:
    path = f"/endpoint_signing_keys/{signing_key['id']}"
    old = api.with_key(sign())
    new = api.post(path + "/rotate", json={"grace_seconds": 3600}).json()
    assert new["secret"] not in {None, signing_key["secret"]}
    assert old.post(RUN).status_code == 200
    fresh = sign(secret=new["secret"], headers={"kid": new["id"]})
    assert api.with_key(fresh).post(RUN).status_code == 200
    listed = {key["id"]: key for key in api.get("/endpoint_signing_keys").json()}
    assert listed[signing_key["id"]]["retires_at"] is not None
    assert {key["secret"] for key in listed.values()} == {None}
    assert api.post(path + "/rotate", json={"grace_seconds": 0}).status_code == 201
    assert old.post(RUN).status_code == 401
    assert api.with_key(fresh).post(RUN).status_code == 200
    assert api.post(path + "/rotate").status_code == 404


def test_a_revoked_key_ends_its_tokens(api: Api, sign: Sign, signing_key: dict[str, Any]) -> None:
    browser = api.with_key(sign())
    assert browser.post(RUN).status_code == 200
    assert api.other_project().delete(f"/endpoint_signing_keys/{signing_key['id']}").status_code == 404
    assert api.delete(f"/endpoint_signing_keys/{signing_key['id']}").status_code == 204
    assert "good no more" in _detail(browser.post(RUN), 401)
    assert api.get("/endpoint_signing_keys").json() == []


@pytest.mark.parametrize("end", ["revoke", "roll", "scopes", "projects"])
def test_a_minted_token_ends_with_the_key_that_made_it(api: Api, end: str) -> None:
    made = api.post("/api/personal_api_keys", json={"label": "l", "scopes": ["endpoint:read"]}).json()
    minting = api.with_key(made["value"])
    browser = api.with_key(_minted(minting, variables={"tenant": "a"}))
    assert browser.post(RUN).status_code == 200
    path = f"/api/personal_api_keys/{made['id']}"
    if end == "revoke":
        assert api.delete(path).status_code == 204
    elif end == "roll":
        time.sleep(1)
        minting = api.with_key(api.post(path + "/roll").json()["value"])
    elif end == "scopes":
        assert api.patch(path, json={"scopes": ["query:read"]}).status_code == 200
    else:
        assert api.patch(path, json={"scoped_teams": [api.other_project().project_id]}).status_code == 200
    assert "good no more" in _detail(browser.post(RUN), 401)
    if end == "roll":
        assert api.with_key(_minted(minting, variables={"tenant": "a"})).post(RUN).status_code == 200


def test_secrets_are_not_readable_at_rest(api: Api, signing_key: dict[str, Any]) -> None:
    _minted(api)
    database = (api.settings.home_path / "metadata.sqlite").read_bytes()
    database += (api.settings.home_path / "metadata.sqlite-wal").read_bytes()
    assert signing_key["id"].replace("-", "").encode() in database
    assert signing_key["secret"].encode() not in database
    assert b"phsign_" not in database


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"variables": {"absent": 1}}, "variables"),
        ({"variables": {"tenant": {"x": 1}}}, "variables__tenant"),
        ({"versions": [9]}, "versions"),
        ({"versions": [1], "variables": {"tenant": "a"}}, "variables"),
        ({"versions": []}, "versions"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 10**9}, "expires_in"),
        ({"rate": "fast"}, "rate"),
        ({"rate": ""}, "rate"),
        ({"fixed": {"tenant": "a"}}, "fixed"),
        ({"endpoints": {"other": {"variables": {"tenant": "a"}}}}, "variables"),
    ],
    ids=str,
)
def test_a_token_that_would_not_hold_is_not_made(api: Api, body: dict[str, Any], attr: str) -> None:
    answer = api.post("/endpoints/sales/tokens", json=body)
    assert (answer.status_code, answer.json()["attr"]) == (400, attr), answer.text


def test_a_token_is_made_by_whoever_may_run(api: Api) -> None:
    assert api.post("/endpoints/absent/tokens", json={}).status_code == 404
    assert api.post("/endpoints/sales/tokens", json={"endpoints": {"absent": {}}}).status_code == 404
    stranger = api.with_key(api.make_key(["insight:read"]))
    assert stranger.post("/endpoints/sales/tokens", json={}).status_code == 403
    made = api.post("/endpoints/sales/tokens", json={"expires_in": 60, "subject": "s", "rate": "9/minute"}).json()
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 60
    assert (claims["sub"], claims["rate"], claims["endpoints"]) == ("s", "9/minute", {"sales": {"variables": {}}})
