"""A real HTTP server on localhost that plays a vendor's API: routes, a log of requests, and faults on demand."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came; headers by their lower-case names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def params(self) -> dict[str, str]:
        """Values of the query, the last of each name."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def lists(self) -> dict[str, list[str]]:
        """All values of the query, by name."""
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Answer:
    """What to answer: JSON unless `body` is bytes. With `drop` the connection is cut instead."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


Handler = Callable[..., Answer]


class ApiServer:
    """Routes are patterns of paths; a handler takes the request and the pattern's groups. `faults` come first."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.faults: list[Answer] = []
        self.before: Callable[[Asked], Answer | None] = lambda _asked: None
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._open = 0
        self._lock = threading.Lock()
        self.url = ""

    def route(self, method: str, pattern: str, handler: Handler) -> None:
        """Answer requests whose whole path fits; routes that came first win."""
        self._routes.append((method, re.compile(pattern), handler))

    def answer(self, asked: Asked) -> Answer:
        """What a request gets."""
        with self._lock:
            self.requests.append(asked)
            if self.faults:
                return self.faults.pop(0)
        refused = self.before(asked)
        if refused is not None:
            return refused
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(asked.path)
            if found and method == asked.method:
                return handler(asked, *found.groups())
        return Answer({"message": "Not Found"}, 404)

    def opened(self, wait: float = 5.0) -> int:
        """Connections that are open; a server notices a closed one a moment later."""
        end = time.monotonic() + wait
        while self._open and time.monotonic() < end:
            time.sleep(0.002)
        return self._open

    @contextmanager
    def running(self) -> Iterator["ApiServer"]:
        """Serve on a free port."""
        api = self

        class One(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                with api._lock:
                    api._open += 1
                super().setup()

            def finish(self) -> None:
                super().finish()
                with api._lock:
                    api._open -= 1

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = api.answer(Asked(self.command, parts.path, parts.query, headers, content))
                if answer.drop:
                    self.close_connection = True
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), One)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
