"""Secrets at rest: authenticated encryption with keys that can be rotated."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hedgerow.kit.errors import HedgerowError


class SecretUnreadable(HedgerowError):
    """A stored secret was encrypted with a key that is not among the present ones."""


class Secrets:
    """Encrypts with the first of `keys`, decrypts with any. A key is any text; long random text is best."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])

    def encrypt(self, plain: str) -> str:
        return self._fernet.encrypt(plain.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """The plain text; raises `SecretUnreadable`."""
        try:
            return self._fernet.decrypt(stored.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable("A stored credential cannot be read with this HEDGEROW_SECRET_KEY.") from error

    def rotated(self, stored: str) -> str:
        """The same plain text, encrypted with the first key; raises `SecretUnreadable`."""
        try:
            return self._fernet.rotate(stored.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadable("A stored credential cannot be read with these keys.") from error


def open_secrets(setting: str, home: Path) -> Secrets:
    """From the setting (keys parted by commas), else from `<home>/secret.key`, made on first use."""
    keys = [key.strip() for key in setting.split(",") if key.strip()]
    return Secrets(keys or keys_of(home / "secret.key"))


def keys_of(file: Path) -> list[str]:
    """The keys in a file, one a line, the first encrypts; the file is made with a new one where there is none."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().split()
    with os.fdopen(descriptor, "w") as content:
        key = new_key()
        content.write(key + "\n")
    return [key]


def keep_keys(file: Path, keys: Sequence[str]) -> None:
    """Put these keys in the file, at once or not at all."""
    making = file.with_suffix(".new")
    making.unlink(missing_ok=True)
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as content:
        content.write("\n".join(keys) + "\n")
        content.flush()
        os.fsync(content.fileno())
    making.replace(file)


def new_key() -> str:
    """A long random text."""
    return Fernet.generate_key().decode()


def _derived(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())
