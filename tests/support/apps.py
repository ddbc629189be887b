"""Fixtures for the whole application in this process.

`api` is a synchronous client: tests that use it are plain functions.

    def test_variables_start_empty(api: Api) -> None:
        answer = api.get("/insight_variables")             # relative to /api/projects/{id}; "/api/…" stays as it is
        assert answer.status_code == 200, answer.text      # an httpx.Response
        api.project_id, api.key, api.app, api.settings     # its own fresh project, a full-scope key, the FastAPI app
        reader = api.with_key(api.make_key(["insight_variable:read"]))   # the same client with another key
        nobody = api.with_key(None)                        # without credentials
        limited = api.make_key(["*"], projects=[999])
        other = api.other_project()                        # a client with a full key of a second project
        api.get("/api/environments/@current/query")        # the other mount

`make_app(**settings)` builds further applications on stores of their own, with settings changed.
"""
