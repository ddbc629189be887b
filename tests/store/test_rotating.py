"""Everything that is stored encrypted can be read after its keys have changed, and with the new key alone."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import Text

from hedgerow.app import rotate_secrets
from hedgerow.engine.folder import FolderLock, FolderTaken
from hedgerow.kit.settings import Settings
from hedgerow.sources.form.bodies import NewSource
from hedgerow.store.base import Base
from hedgerow.store.secrets import SecretUnreadable, open_secrets
from tests.sources.conftest import Shop
from tests.support.apps import Api, MakeApi


@pytest.fixture
def stored(make_app: MakeApi, tmp_path: Path) -> Api:
    """An application with a source and a signing key."""
    Shop(tmp_path / "files" / "shop.sqlite")
    api = make_app(source_files=str(tmp_path / "files"), secret_key="old")
    payload = {"path": "shop.sqlite", "schemas": [{"name": "users"}]}
    body = NewSource(source_type="SQLite", payload=payload)
    api.call(api.house.sources.creating.create, api.project_id, 1, body)
    return api


def _config(api: Api, keys: str) -> str:
    with api.house.store.read() as session:
        (found,) = session.connection().exec_driver_sql("SELECT config FROM external_data_sources").scalars().all()
    return open_secrets(keys, api.settings.home_path).decrypt(found)


def test_values_are_encrypted_with_the_first_key(stored: Api) -> None:
    settings = stored.settings.model_copy(update={"secret_key": Settings(secret_key="new,old").secret_key})
    assert rotate_secrets(settings) >= 1
    assert _config(stored, "new") == '{"path":"shop.sqlite"}'
    with pytest.raises(SecretUnreadable):
        _config(stored, "old")


def test_nothing_is_changed_when_a_value_cannot_be_read(stored: Api) -> None:
    settings = stored.settings.model_copy(update={"secret_key": Settings(secret_key="new").secret_key})
    with pytest.raises(SecretUnreadable):
        rotate_secrets(settings)
    assert _config(stored, "old") == '{"path":"shop.sqlite"}'


def test_a_key_of_the_home_folder_is_made_anew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    (tmp_path / "home").mkdir()
    before = open_secrets("", tmp_path / "home").encrypt("plain")
    file = tmp_path / "home" / "secret.key"
    old = file.read_text()
    rotate_secrets(settings)
    assert file.read_text() != old
    assert len(file.read_text().split()) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(SecretUnreadable):
        open_secrets("", tmp_path / "home").decrypt(before)
    lock = FolderLock(tmp_path / "home" / "engine")
    with pytest.raises(FolderTaken):
        rotate_secrets(settings)
    lock.release()


def test_every_encrypted_column_is_a_text_with_one_key() -> None:
    found = [
        column for table in Base.metadata.sorted_tables for column in table.columns if column.info.get("encrypted")
    ]
    named = {f"{column.table.name}.{column.name}" for column in found}
    assert named >= {
        "external_data_sources.config",
        "signing_keys.material",
        "warehouse_credentials.access_key",
        "warehouse_credentials.access_secret",
    }
    assert all(isinstance(column.type, Text) and len(column.table.primary_key.columns) == 1 for column in found)
