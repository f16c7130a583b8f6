"""A one-time key: what a check page carries, so that a second click submits nothing anew.

It is a token for one person that holds the time of checking and eight random digits.
The alert's identifier and its `sent` come from it: the same key makes the same alert,
which can be stored once only.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alertd.city import JST, City
from alertd.dispatch import Person
from alertd.token import seal, unseal

#: how long a checked draft may be submitted; then its facts must be looked at again
FRESH = timedelta(minutes=15)
_DIGITS = 10**8


@dataclass(frozen=True, slots=True)
class OneTimeKey:
    """When the page was shown, in whole seconds, and the digits that make it unique."""

    sent: datetime
    number: int

    def identifier(self, city: City) -> str:
        """The CAP identifier of the alert: city, time in Japan, random digits."""
        return f"{city.code}.{self.sent.astimezone(JST):%Y%m%dT%H%M%S}.{self.number:08d}"


def make(secret: bytes, person: Person, now: datetime) -> tuple[str, OneTimeKey]:
    """A new key as text and as what it means."""
    key = OneTimeKey(now.replace(microsecond=0), secrets.randbelow(_DIGITS))
    return seal(secret, _purpose(person), int(key.sent.timestamp()) * _DIGITS + key.number), key


def read(secret: bytes, person: Person, text: str) -> OneTimeKey | None:
    """What a key means; None when it was not made for this person."""
    number = unseal(secret, _purpose(person), text)
    if number is None:
        return None
    return OneTimeKey(datetime.fromtimestamp(number // _DIGITS, UTC), number % _DIGITS)


def _purpose(person: Person) -> str:
    return f"submit:{person.id}"
