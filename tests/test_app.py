"""The whole application: opened, asked, closed."""

from tests.support.apps import Api


def test_ready_names_its_parts(api: Api) -> None:
    answer = api.get("/readyz")
    assert answer.json() == {"status": "ok", "store": "ok", "engine": "ok", "cache": "ok"}


def test_me(api: Api) -> None:
    assert api.get("/api/users/@me/").status_code == 200
    limited = api.make_key(["*"], projects=[999])
    assert api.with_key(limited).get("/insight_variables").status_code in {403, 404}
    assert api.with_key(api.make_key(["query:read"])).get("/api/users/@me").status_code == 403
    assert api.other_project().project_id == api.project_id + 1
    assert api.with_key(None).get("/api/users/@me/").status_code == 401
