"""`remote`: a client of the kind the command line uses, of an application in this process.

def test_it(api: Api, remote: Remote) -> None:
    remote.post("endpoints/", {"name": …})
"""

from collections.abc import Iterator

import httpx
import pytest

from hedgerow.gitops.remote import Remote
from tests.support.apps import Api
from tests.support.in_process import InProcess


class Through(httpx.BaseTransport):
    """Takes a client's requests to an application in this process."""

    def __init__(self, server: InProcess) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._server.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def remote(api: Api) -> Iterator[Remote]:
    """The project of `api`."""
    headers = {"Authorization": f"Bearer {api.key}"}
    with httpx.Client(transport=Through(api.server), base_url="http://testserver", headers=headers) as client:
        yield Remote(client, str(api.project_id))
