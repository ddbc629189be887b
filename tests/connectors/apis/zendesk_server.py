"""A server that plays Zendesk's documented API: lists with cursors, both kinds of incremental export, its limit."""

import time
from base64 import b64encode
from typing import Any

from tests.support.api_server import Answer, ApiServer, Asked

USER, TOKEN = "admin@example.com", "zendesk-good"
SIZE = 40


def limited(seconds: int = 37) -> Answer:
    """Too many requests."""
    body = {"error": "APIRateLimitExceeded", "description": "Number of allowed incremental requests exceeded"}
    return Answer(body, 429, {"Retry-After": str(seconds)})


class ZendeskServer(ApiServer):
    """`lists` by name; `exports` by name, each row with the second of its change beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.exports: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.denied: set[str] = set()
        self.before = self._locked
        self.route("GET", r"/api/v2/users/me\.json", lambda _asked: Answer({"user": {"id": 1}}))
        self.route("GET", r"/api/v2/slas/policies\.json", self._policies)
        self.route("GET", r"/api/v2/incremental/(tickets|users)/cursor\.json", self._by_cursor)
        self.route("GET", r"/api/v2/incremental/([a-z_]+)\.json", self._by_time)
        self.route("GET", r"/api/v2/([a-z_]+)\.json", self._list)

    def _locked(self, asked: Asked) -> Answer | None:
        proof = b64encode(f"{USER}/token:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {proof}":
            return Answer({"error": "Couldn't authenticate you"}, 401)
        if any(name in asked.path for name in self.denied):
            return Answer({"error": {"title": "Forbidden", "message": "You do not have access to this page."}}, 403)
        return None

    def _list(self, asked: Asked, name: str) -> Answer:
        rows = self.lists.get(name, [])
        size = int(asked.params["page[size]"])
        start = int(asked.params.get("page[after]", "c0")[1:])
        more = start + size < len(rows)
        meta = {"has_more": more, "after_cursor": f"c{min(start + size, len(rows))}", "before_cursor": None}
        return Answer({name: rows[start : start + size], "meta": meta, "links": {"next": "…" if more else None}})

    def _policies(self, asked: Asked) -> Answer:
        rows, page = self.lists.get("sla_policies", []), int(asked.params.get("page", 1))
        more = page * SIZE < len(rows)
        following = f"{self.url}{asked.path}?page={page + 1}" if more else None
        body = {"sla_policies": rows[(page - 1) * SIZE : page * SIZE], "count": len(rows)}
        return Answer({**body, "next_page": following, "previous_page": None})

    def _too_recent(self, asked: Asked) -> Answer | None:
        start = asked.params.get("start_time")
        if start is not None and int(start) > time.time() - 60:
            return Answer({"error": "StartTimeTooRecent", "description": "Too recent start_time."}, 422)
        return None

    def _by_cursor(self, asked: Asked, name: str) -> Answer:
        if (refused := self._too_recent(asked)) is not None:
            return refused
        cursor, start = asked.params.get("cursor"), asked.params.get("start_time")
        if (cursor is None) == (start is None):
            return Answer({"error": "InvalidValue", "description": "Give start_time or cursor."}, 400)
        rows = sorted(self.exports.get(name, []), key=lambda each: each[0])
        place = int(cursor[1:]) if cursor else sum(second < int(start or 0) for second, _ in rows)
        page = [row for _, row in rows[place : place + SIZE]]
        after = f"c{place + len(page)}"
        body = {"after_cursor": after, "after_url": f"…cursor={after}", "before_cursor": None, "before_url": None}
        return Answer({name: page, **body, "end_of_stream": place + SIZE >= len(rows)})

    def _by_time(self, asked: Asked, name: str) -> Answer:
        if (refused := self._too_recent(asked)) is not None:
            return refused
        start = int(asked.params["start_time"])
        rows = sorted((each for each in self.exports.get(name, []) if each[0] >= start), key=lambda each: each[0])
        page = rows[:SIZE]
        end = page[-1][0] if page else start  # the next page begins with the rows of this second again
        following = f"{self.url}{asked.path}?start_time={end}"
        body = {"count": len(page), "end_time": end, "next_page": following, "end_of_stream": len(rows) <= SIZE}
        return Answer({name: [row for _, row in page], **body})
