"""The key ring: the keys of personal data, which lie in `storage` and never in the database.

Key 0 comes of `storage/secret` by HKDF (RFC 5869); `alertd db rotate-key` puts random ones
beside it, `storage/keys/1`, `2`, … The newest one seals, and a sealed value names its key,
so that old values and old backups stay readable as long as their key is kept.
"""

from __future__ import annotations

import binascii
import hmac
import os
import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from alertd.cipher import derived
from alertd.errors import WrongSecret
from alertd.token import secret_of

_NONCE = 12
#: key's number, then nonce and AES-256-GCM's output in base64
_SEALED = re.compile(r"s([0-9]{1,6})\.")


class KeyRing:
    """Seals and opens values, and makes fingerprints by which they are found again.

    Reads its files at the first use, and again when a value names a key that is not known.
    Safe from several threads.
    """

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        self._guard = threading.Lock()
        self._keys: dict[int, AESGCM] = {}
        #: those with one digit, by how what they seal begins: names are opened by the hundred thousand
        self._openers: dict[str, Callable[[bytes, bytes, bytes], bytes]] = {}
        self._index = b""
        self._newest: tuple[str, AESGCM] | None = None

    @property
    def folder(self) -> Path:
        """Where the keys lie that were made by rotation."""
        return self._storage / "keys"

    @property
    def newest(self) -> int:
        """The number of the key that seals."""
        self._load()
        return max(self._keys)

    def seal(self, purpose: bytes, text: str) -> str:
        """The text, readable with the key and for the same purpose only; never the same twice."""
        prefix, key = self._newest or self._load()
        nonce = os.urandom(_NONCE)
        sealed = nonce + key.encrypt(nonce, text.encode(), purpose)
        return prefix + binascii.b2a_base64(sealed, newline=False).decode()

    def unseal(self, purpose: bytes, sealed: str) -> str:
        """The text again. Raises WrongSecret: altered, moved, or made with a key that is not here."""
        decrypt, start = self._openers.get(sealed[:3]), 3
        if decrypt is None:
            decrypt, start = self._key_of(sealed).decrypt, sealed.index(".") + 1
        try:
            raw = binascii.a2b_base64(sealed[start:])
            return decrypt(raw[:_NONCE], raw[_NONCE:], purpose).decode()
        except (ValueError, InvalidTag) as error:
            raise WrongSecret(
                "personal data cannot be read with the keys that are here; put back the "
                f"{self._storage / 'secret'} (and {self.folder}) that belongs to this database"
            ) from error

    def is_current(self, sealed: str) -> bool:
        """Whether it was sealed with the newest key."""
        prefix, _ = self._newest or self._load()
        return sealed.startswith(prefix)

    def fingerprint(self, text: str) -> str:
        """132 bits of HMAC-SHA-256: the same for the same text, and nothing to be read from it."""
        index = self._index
        if not index:
            self._load()
            index = self._index
        digest = hmac.digest(index, text.encode(), "sha256")
        return binascii.b2a_base64(digest, newline=False)[:22].decode()

    def add_key(self) -> int:
        """Makes a new key, from now on the newest; its number. The file is readable by its owner only."""
        number = self.newest + 1
        self.folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self.folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        self._load()
        return number

    def _load(self) -> tuple[str, AESGCM]:
        with self._guard:
            secret = secret_of(self._storage)
            keys = {0: AESGCM(derived(secret, "columns"))}
            if self.folder.is_dir():
                for file in self.folder.iterdir():
                    if file.name.isdigit():
                        keys[int(file.name)] = AESGCM(file.read_bytes())
            self._index = derived(secret, "fingerprints")
            self._keys = keys
            self._openers = {f"s{number}.": key.decrypt for number, key in keys.items() if number < 10}
            newest = max(keys)
            self._newest = (f"s{newest}.", keys[newest])
            return self._newest

    def _key_of(self, sealed: str) -> AESGCM:
        found = _SEALED.match(sealed)
        if found is None:
            raise WrongSecret("a value that must be encrypted is not; run: alertd db upgrade")
        number = int(found[1])
        if number not in self._keys:
            self._load()
        if number not in self._keys:
            raise WrongSecret(
                f"personal data is encrypted with key {number}, which is not here; "
                f"copy {self.folder / str(number)} from the machine that has it, or from its backup"
            )
        return self._keys[number]
