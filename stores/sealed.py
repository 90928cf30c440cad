"""Sealing of secrets and personal data at rest (Fernet: AES-CBC + HMAC, key rotation)."""

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@cache
def _fernet() -> MultiFernet:
    digests = (hashlib.sha256(b"seal:" + key.encode()).digest() for key in settings.SEAL_KEYS)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def seal(text: str) -> str:
    """Seal `text` with the newest key; the empty string stays empty."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def unseal(token: str) -> str:
    """Open what `seal` made with any known key. Raises cryptography.fernet.InvalidToken."""
    return _fernet().decrypt(token.encode()).decode() if token else ""


def seal_bytes(content: bytes) -> bytes:
    """Seal `content` with the newest key."""
    return _fernet().encrypt(content)


def unseal_bytes(token: bytes) -> bytes:
    """Open what `seal_bytes` made with any known key. Raises cryptography.fernet.InvalidToken."""
    return _fernet().decrypt(token)


if TYPE_CHECKING:
    Text = models.TextField[str, str]
    Binary = models.BinaryField[bytes | None, bytes | None]
else:
    Text = models.TextField
    Binary = models.BinaryField


class SealedTextField(Text):
    """Text that is sealed in the database and plain in Python; it cannot be searched."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return None if value is None else unseal(value)

    def get_prep_value(self, value: str | None) -> str | None:
        return None if value is None else seal(str(value))


class SealedBinaryField(Binary):
    """Bytes that are sealed in the database and plain in Python."""

    def from_db_value(self, value: bytes | None, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else unseal_bytes(bytes(value))

    def get_prep_value(self, value: bytes | None) -> bytes | None:
        return None if value is None else seal_bytes(bytes(value))
