"""The cipher: what is stored encrypted, so that a copied database tells nothing (AES-256-GCM).

Each purpose has a key of its own, derived by HKDF-SHA-256 (RFC 5869) from the installation's
secret, which lies outside the database. The purpose is authenticated too, so that a value
cannot be moved to another place.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from alertd.errors import WrongSecret

_VERSION = "v1."
_NONCE = 12


def encrypt(secret: bytes, purpose: str, text: str) -> str:
    """The text as `v1.` and URL-safe letters; never the same twice."""
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(derived(secret, purpose)).encrypt(nonce, text.encode(), purpose.encode())
    return _VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()


def decrypt(secret: bytes, purpose: str, sealed: str) -> str:
    """The text again. Raises WrongSecret when it was altered, moved, or made with another secret."""
    try:
        raw = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION).encode())
        opened = AESGCM(derived(secret, purpose)).decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode())
    except (ValueError, InvalidTag) as error:
        raise WrongSecret(
            "what is stored encrypted cannot be read: is storage/secret the one of this database?"
        ) from error
    return opened.decode()


def derived(secret: bytes, purpose: str) -> bytes:
    """The key of one purpose, 32 bytes."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"alertd {purpose}".encode()).derive(secret)
