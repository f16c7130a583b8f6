"""A Letter: a mail to one person about their registration. Its words are in `letters/*.toml`, by language."""

from __future__ import annotations

import base64
import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib import resources

#: what the keys of letters are sealed for
LETTER = "letter"
#: in which it is written when its own language has no words
FALLBACK = "en"


class LetterKind(StrEnum):
    """What a letter is for."""

    #: asked for: the link to register, or to change; which one is decided when it is written
    INVITATION = "invitation"
    #: registered
    WELCOME = "welcome"
    #: something was changed
    CHANGED = "changed"
    #: to a mailbox of ours, to see that mail arrives
    CANARY = "canary"


class Fate(StrEnum):
    """What became of a letter that is no longer to be sent."""

    #: the relay has taken it over
    SENT = "sent"
    #: not sent, because too many were asked for
    WITHHELD = "withheld"
    #: the relay refused it, or could not be reached until it was too late
    FAILED = "failed"
    #: it came back
    BOUNCED = "bounced"


#: seconds until the next attempt, by attempt; after the last one it has failed
RETRY = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))


@dataclass(frozen=True, slots=True)
class Words:
    """Subject and text of a letter."""

    subject: str
    text: str


def token_of(secret: bytes, number: int, nonce: str) -> str:
    """The token in the link of a letter: 256 bits, the same at every attempt; only its hash is stored."""
    mac = hmac.digest(secret, f"{LETTER}:{number}:{nonce}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def mailbox(address: str) -> str:
    """The mailbox behind an address, whatever its `+tag` and its capitals."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def hash_of(token: str) -> str:
    """By what a token is found."""
    return hashlib.sha256(token.encode()).hexdigest()


def written(name: str, language: str, blanks: Mapping[str, str]) -> Words:
    """The words of the letter `name` (a table of the language's file) with its blanks filled."""
    known = words()
    found = known.get(language, known[FALLBACK])[name]
    return Words(found.subject.format_map(blanks), found.text.format_map(blanks))


@cache
def words() -> Mapping[str, Mapping[str, Words]]:
    """Every letter by language and name."""
    folder = resources.files("alertd").joinpath("letters")
    found: dict[str, Mapping[str, Words]] = {}
    for file in folder.iterdir():
        if file.name.endswith(".toml"):
            tables = tomllib.loads(file.read_text("utf-8"))
            found[file.name.removesuffix(".toml")] = {
                name: Words(table["subject"], table["text"]) for name, table in tables.items()
            }
    return found
