"""Secrets at rest: a model field that is encrypted in the database and hides its value everywhere else."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from pydantic import SecretStr


class Unreadable(Exception):
    """A stored secret matches none of the keys in ENCRYPTION_KEYS."""


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(value: str) -> str:
    """Return `value` encrypted with the first key."""
    return _box(tuple(settings.ENCRYPTION_KEYS)).encrypt(value.encode()).decode()


def decrypt(stored: str) -> str:
    """Return the plain text of `stored`, decrypted with whichever key fits. Raises Unreadable."""
    try:
        return _decrypted(stored, tuple(settings.ENCRYPTION_KEYS))
    except InvalidToken:
        raise Unreadable("A stored secret cannot be read with the keys in ENCRYPTION_KEYS.") from None


@lru_cache(maxsize=4096)
def _decrypted(stored: str, keys: tuple[str, ...]) -> str:
    """Decrypt with a cache: a row is read for each webhook and each attempt."""
    return _box(keys).decrypt(stored.encode()).decode()


if TYPE_CHECKING:
    _TextField = models.TextField[str | SecretStr, SecretStr]
else:
    _TextField = models.TextField


class SecretField(_TextField):
    """Text that is encrypted in the database; Python sees a SecretStr, whose repr is masked."""

    def from_db_value(self, value: str | None, *_: Any) -> SecretStr:
        """Decrypt on reading. An empty text means that there is no secret."""
        return SecretStr(decrypt(value) if value else "")

    def to_python(self, value: Any) -> SecretStr:
        """Accept plain text, a SecretStr or nothing."""
        return value if isinstance(value, SecretStr) else SecretStr(value or "")

    def get_prep_value(self, value: Any) -> str:
        """Encrypt on writing."""
        plain = self.to_python(value).get_secret_value()
        return encrypt(plain) if plain else ""

    def value_to_string(self, obj: models.Model) -> str:
        """Write secrets encrypted into fixtures too."""
        return self.get_prep_value(self.value_from_object(obj))
