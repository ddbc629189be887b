"""The served schema, turned against the server: no made-up request may end in a server error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import start_server

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

KEY = "phx_the_key_that_fuzzing_uses_0001"
EXAMPLES = os.environ.get("HEDGEROW_TEST_FUZZ_EXAMPLES", "8")
CONFIGURATION = """
[parameters]
"path.project_id" = "@current"
"""


def test_made_up_requests_end_in_no_server_error(tmp_path: Path) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    settings = {
        "HEDGEROW_BOOTSTRAP_KEY": KEY,
        "HEDGEROW_THROTTLE": "false",
        "HEDGEROW_API_QUERY_TIMEOUT": "5",
        "HEDGEROW_LOG_LEVEL": "error",
    }
    with start_server(tmp_path / "home", settings) as server:
        options = ["--checks", "not_a_server_error", "--max-examples", EXAMPLES, "--phases", "coverage,fuzzing"]
        options += ["--suppress-health-check", "all", "--request-timeout", "20", "--no-color"]
        if seed := os.environ.get("HEDGEROW_TEST_FUZZ_SEED"):
            options += ["--seed", seed]
        command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(configuration), "run"]
        command += [f"{server.url}/api/schema/", "-H", f"Authorization: Bearer {KEY}", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:] + server.log[-4000:]
        assert "passed" in done.stdout
        assert server.process.poll() is None
