"""The real installation's files parse, and the commands, settings and paths in them exist."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from hedgerow.cli import app
from hedgerow.kit.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]
SETTINGS = {f"HEDGEROW_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())
    return loaded


def test_compose_has_every_part(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"one", "two", "balancer", "postgres", "clickhouse", "redis"}
    for service in compose["services"].values():
        for other in service.get("depends_on", {}):
            assert "healthcheck" in compose["services"][other]


def test_compose_names_real_commands_and_settings(compose: dict[str, Any]) -> None:
    for name in ("one", "two"):
        service = compose["services"][name]
        program, command = service["command"]
        assert program == "hedgerow"
        assert command in COMMANDS
        assert {key for key in service["environment"] if key.startswith("HEDGEROW_")} <= SETTINGS


def test_compose_settings_are_accepted(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in compose["services"]["one"]["environment"].items():
        monkeypatch.setenv(key, re.sub(r"\$\{\w+:\?\}", "phx_0123456789abcdef0123456789abcdef", str(value)))
    settings = Settings()
    assert settings.host == "0.0.0.0"
    assert settings.engine_url.get_secret_value().startswith("clickhouse://")


def test_balancer_names_every_process(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    servers = set(re.findall(r"server (\w+):8000;", text))
    assert servers == {name for name, s in compose["services"].items() if s.get("command", [""])[0] == "hedgerow"}


def test_unit_starts_a_real_command() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((DEPLOY / "hedgerow.service").read_text())
    program, command = unit["Service"]["ExecStart"].split()
    assert program.endswith("/bin/hedgerow")
    assert command in COMMANDS
    assert unit["Service"]["Environment"].split("=")[0] in SETTINGS


def test_image_copies_what_there_is() -> None:
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
