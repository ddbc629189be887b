"""The express lane: the few routes in a hurry are found and called before FastAPI sees the request."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from hedgerow.kit.errors import HedgerowError
from hedgerow.web import errors

Endpoint = Callable[[Request], Awaitable[Response]]
ROUTE = "hedgerow.route"
"""In the scope: the template of the path that was taken here."""


@dataclass(frozen=True, slots=True)
class _Lane:
    template: str
    endpoint: Endpoint
    methods: frozenset[str]
    pick: Callable[[list[str]], tuple[str, ...]]
    fixed: tuple[str, ...]
    """The words that `pick` must give."""
    names: tuple[tuple[str, int], ...]
    """Parameters, with their places."""


class Lanes:
    """Plain endpoints by how many words their path has and the last of them: finding one costs a look-up."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, str], list[_Lane]] = {}

    def add(self, template: str, methods: Iterable[str], endpoint: Endpoint) -> None:
        """Serve paths such as `/things/{id}/run`. Raises `ValueError` unless the last word is a fixed one."""
        words = template.split("/")
        if words[-1].startswith("{"):
            raise ValueError(f"an express route must end with a fixed word: {template}")
        # Two at least: the empty one before the first slash, and the last.
        places = [place for place, word in enumerate(words) if not word.startswith("{")]
        pick = itemgetter(*places)
        names = tuple((word[1:-1], place) for place, word in enumerate(words) if word.startswith("{"))
        lane = _Lane(template, endpoint, frozenset(methods), pick, pick(words), names)
        self._lanes.setdefault((len(words), words[-1]), []).append(lane)

    def find(self, scope: Scope) -> Endpoint | None:
        """The endpoint of a request, with `path_params` put into its scope."""
        words: list[str] = scope["path"].split("/")
        for lane in self._lanes.get((len(words), words[-1]), ()):
            if lane.pick(words) == lane.fixed and scope["method"] in lane.methods:
                values = {name: words[place] for name, place in lane.names}
                if all(values.values()):
                    scope["path_params"], scope[ROUTE] = values, lane.template
                    return lane.endpoint
        return None


class Express:
    """ASGI middleware, the innermost: answers what has a lane, and passes on the rest."""

    def __init__(self, app: ASGIApp, lanes: Lanes) -> None:
        self._app, self._lanes = app, lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._lanes.find(scope) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await endpoint(Request(scope, receive, send))
        except HedgerowError as error:
            answer = errors.foreseen(error)
        except HTTPException as error:
            answer = errors.of_framework(error, scope["method"])
        await answer(scope, receive, send)
