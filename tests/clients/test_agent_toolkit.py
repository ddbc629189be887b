"""The published agent toolkit reads the asker, organizations, projects and its own key as PostHog answers them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.npm import installed
from tests.support.processes import start_server

PACKAGE = "@posthog/agent-toolkit@0.2.4"
KEY = "phx_" + "toolkit" * 6
# Each answer goes through the client's own schema; what it refuses is `failed`.
DRIVE = """
const { PostHogAgentToolkit } = require('@posthog/agent-toolkit');
const [, , posthogApiBaseUrl, posthogApiToken] = process.argv;
const kit = new PostHogAgentToolkit({ posthogApiToken, posthogApiBaseUrl });
const { api, stateManager } = kit.getContext();
const out = {};
async function keep(name, work) {
  try {
    const found = await work();
    out[name] = found && found.success === false ? { failed: String(found.error.message) } : found.data ?? found;
  } catch (error) {
    out[name] = { failed: String(error.message) };
  }
}
(async () => {
  await keep('me', () => api.users().me());
  await keep('key', () => api.apiKeys().current());
  await keep('organizations', () => api.organizations().list());
  await keep('orgId', () => stateManager.getOrgID());
  await keep('projectId', () => stateManager.getProjectId());
  await keep('organization', () => api.organizations().get({ orgId: out.orgId }));
  await keep('projects', () => api.organizations().projects({ orgId: out.orgId }).list());
  await keep('project', () => api.projects().get({ projectId: out.projectId }));
  await keep('tools', async () => (await kit.getTools()).map((tool) => tool.name));
  console.log(JSON.stringify(out));
})();
"""


def driven(folder: Path, address: str, key: str) -> dict[str, Any]:
    """What the toolkit makes of the server, by call."""
    script = folder / "drive.js"
    script.write_text(DRIVE)
    done = subprocess.run(
        ["node", str(script), address, key], capture_output=True, text=True, check=False, timeout=60, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def toolkit() -> Path:
    return installed(PACKAGE)


def test_the_toolkit_finds_its_way(toolkit: Path, tmp_path: Path) -> None:
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server:
        found = driven(toolkit, server.url, KEY)
        me = httpx.get(f"{server.url}/api/users/@me/", headers={"Authorization": f"Bearer {KEY}"}).json()
    assert not [name for name, answer in found.items() if isinstance(answer, dict) and "failed" in answer], found
    assert found["me"]["distinct_id"] == me["distinct_id"]
    assert found["key"] == {"scopes": ["*"], "scoped_teams": [], "scoped_organizations": []}
    assert found["orgId"] == found["organization"]["id"] == found["organizations"][0]["id"]
    assert str(found["projectId"]) == str(found["project"]["id"]) == str(found["projects"][0]["id"]) == "1"
    assert {"organizations-get", "projects-get", "query-run"} <= set(found["tools"])


def test_a_key_of_one_project_is_told_so(toolkit: Path, tmp_path: Path) -> None:
    with start_server(tmp_path / "home", {"HEDGEROW_BOOTSTRAP_KEY": KEY}) as server:
        wishes = {"label": "narrow", "scopes": ["query:read", "user:read"], "scoped_teams": [1]}
        headers = {"Authorization": f"Bearer {KEY}"}
        made = httpx.post(f"{server.url}/api/personal_api_keys/", json=wishes, headers=headers).json()
        found = driven(toolkit, server.url, made["value"])
    assert found["key"] == {"scopes": ["query:read", "user:read"], "scoped_teams": [1], "scoped_organizations": []}
    assert found["projectId"] == "1"
