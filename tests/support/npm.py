"""Packages of the npm registry that tests drive the server with: installed once, into the checkout's cache folder."""

import shutil
import subprocess
from pathlib import Path

from tests.support.require import missing

_FOLDER = Path(__file__).parents[2] / ".cache" / "npm"


def installed(package: str) -> Path:
    """A folder from which Node.js can require `package`, given as `name@version`. Skips where there is no npm."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        missing("Node.js with npm", "the path")
    folder = _FOLDER / package.replace("/", "+")
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text("{}")
    # Peers and build scripts are for other uses of the package than ours.
    options = ["--no-audit", "--no-fund", "--legacy-peer-deps", "--ignore-scripts"]
    done = subprocess.run([npm, "install", *options, package], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(package, f"npm install ended with {done.stderr.strip()[-300:]}")
    (folder / "done").touch()
    return folder
