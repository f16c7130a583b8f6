"""Tokens: numbers of rows that can be shown outside because nobody can make them up.

A token is `NUMBER-MAC`, the MAC being 96 bits of keyed BLAKE2b over purpose and number
(RFC 7693 §2.9) in hexadecimal, so a token for one purpose is worth nothing for another.
Every mail has three of them, and thousands of mails go out in a second.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

_MAC_BYTES = 12


def seal(secret: bytes, purpose: str, number: int) -> str:
    """The token of row `number`: `[0-9]+-[0-9a-f]{24}`, always the same."""
    return sealer(secret, purpose)(number)


def sealer(secret: bytes, purpose: str) -> Callable[[int], str]:
    """`seal` for many numbers: what is the same for all of them is done once."""
    begun = blake2b(f"{purpose}:".encode(), key=secret, digest_size=_MAC_BYTES)

    def token(number: int) -> str:
        mac = begun.copy()
        mac.update(b"%d" % number)
        return f"{number}-{mac.hexdigest()}"

    return token


def unseal(secret: bytes, purpose: str, token: str) -> int | None:
    """The number in a token of ours; None for anything else."""
    number = token.partition("-")[0]
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    genuine = seal(secret, purpose, int(number)).encode()
    return int(number) if hmac.compare_digest(token.encode(), genuine) else None


def unseal_folded(secret: bytes, purpose: str, token: str) -> int | None:
    """The same for a token whose letters a mail server may have made large."""
    return unseal(secret, purpose, token.lower())


def secret_of(storage: Path) -> bytes:
    """The installation's secret, 32 bytes, made at the first call (`storage/secret`, mode 0600).

    Several processes may call at once: the first to link its file wins.
    """
    path = storage / "secret"
    if not path.exists():
        storage.mkdir(parents=True, exist_ok=True)
        draft = storage / f".secret-{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()
