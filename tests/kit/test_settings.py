"""Settings: where they come from, and that each is documented."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from hedgerow.kit.settings import Settings, SettingsWrong, load, unknown

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_and_no_other() -> None:
    row = re.compile(r"^\| `HEDGEROW_(\w+)` \| (?:`(.*?)`|–) \| (.+) \|$", re.MULTILINE)
    documented = {name: (default, meaning) for name, default, meaning in row.findall(DOCS.read_text())}
    fields = {
        name.upper(): (_written(field.get_default()), field.description)
        for name, field in Settings.model_fields.items()
    }
    assert documented == fields


def _written(default: object) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_a_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hedgerow.toml").write_text('port = 9000\nhost = "::"\n')
    monkeypatch.setenv("HEDGEROW_HOME", str(tmp_path))
    monkeypatch.setenv("HEDGEROW_PORT", "9001")
    settings = load()
    assert (settings.port, settings.host, settings.home_path) == (9001, "::", tmp_path)
    assert load({"port": 1}).port == 1


@pytest.mark.parametrize("text", ["port = ", "port = 'x'", "port = 70000"])
def test_a_bad_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "hedgerow.toml").write_text(text)
    monkeypatch.setenv("HEDGEROW_HOME", str(tmp_path))
    with pytest.raises(SettingsWrong) as caught:
        load()
    assert "\n" not in str(caught.value)


def test_typos_are_found() -> None:
    assert unknown({"HEDGEROW_PROT": "1", "HEDGEROW_PORT": "2", "HEDGEROW_TEST_X": "", "HEDGEROW_KEY": "x"}) == [
        "HEDGEROW_PROT"
    ]
