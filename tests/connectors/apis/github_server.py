"""A server that plays GitHub's documented API for one repository: pages by `Link`, `since`, sorting, limits."""

from typing import Any

from tests.support.api_server import Answer, ApiServer, Asked

TOKEN = "github_pat_good"
DOCS = "https://docs.github.com/rest"


class GithubServer(ApiServer):
    """Lists of `acme/shop` by their path below it; what `denied` names is 403, what is missing is 404."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.denied: set[str] = set()
        self.before = self._locked
        self.route("GET", r"/repos/acme/shop", lambda _asked: Answer({"id": 1, "full_name": "acme/shop"}))
        self.route("GET", r"/repos/acme/shop/(.+)", self._list)

    def _locked(self, asked: Asked) -> Answer | None:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"message": "Bad credentials", "documentation_url": DOCS, "status": "401"}, 401)
        if asked.headers.get("x-github-api-version") != "2022-11-28":
            return Answer({"message": "No such version"}, 400)
        return None

    def _list(self, asked: Asked, path: str) -> Answer:
        if path in self.denied:
            return Answer({"message": "Resource not accessible by personal access token", "status": "403"}, 403)
        if path not in self.lists:
            return Answer({"message": "Not Found", "documentation_url": DOCS, "status": "404"}, 404)
        params, rows = asked.params, self.lists[path]
        if path.startswith(("issues", "pulls")):
            by = "updated_at" if params.get("sort") == "updated" else "created_at"
            rows = sorted(rows, key=lambda row: str(row[by]), reverse=params.get("direction", "desc") == "desc")
            rows = [row for row in rows if row["updated_at"] >= params["since"]] if "since" in params else rows
            if path in {"issues", "pulls"} and params.get("state", "open") != "all":
                rows = [row for row in rows if row["state"] == "open"]
        if path == "stargazers" and "star+json" not in asked.headers["accept"]:
            rows = [row["user"] for row in rows]
        page, size = int(params.get("page", 1)), min(int(params.get("per_page", 30)), 100)
        links = {}
        if page * size < len(rows):
            rest = "&".join(f"{name}={value}" for name, value in params.items() if name != "page")
            links["Link"] = f'<{self.url}{asked.path}?{rest}&page={page + 1}>; rel="next"'
        body: Any = rows[(page - 1) * size : page * size]
        if path == "actions/runs":
            body = {"total_count": len(rows), "workflow_runs": body}
        return Answer(body, headers=links)
