"""What of the configuration is watched: the sections that send, and the rules of approval and drills.

Each is told key by key as the file has it; what the file leaves out is not told, so that a
new version with a new key changes nothing. A secret is told as a keyed hash: that it
changed can be seen, what it is cannot.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, SecretStr

from alertd.alert import Status
from alertd.config import Config

#: rules that are watched; they hold nothing back
RULES = ("approval", "drill")
#: what a section of a channel is called
CHANNEL = "channels."
_LOGIN = re.compile(r"//([^@/\s]+)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section by its whole name, `channels.mail`."""

    name: str
    #: key -> value as it is shown, in the order of the keys
    said: Mapping[str, str]
    #: it carries real alerts
    live: bool

    @property
    def digest(self) -> str:
        """Of all that is said, as hexadecimal digits."""
        said = json.dumps(dict(self.said), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


def watched(config: Config, secret: bytes) -> dict[str, Section]:
    """The watched sections by name; simulations that carry no real alert are nobody's concern."""
    found = {
        name: Section(name=name, said=_said(getattr(config, name), secret), live=False) for name in RULES
    }
    for name, settings in config.sections.items():
        live = Status.ACTUAL in settings.carries
        if live or not settings.simulated:
            whole = CHANNEL + name
            found[whole] = Section(name=whole, said=_said(settings, secret), live=live)
    return found


def _said(model: BaseModel, secret: bytes) -> dict[str, str]:
    return dict(sorted(_flat(model.model_dump(exclude_unset=True), "", secret)))


def _flat(value: object, key: str, secret: bytes) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and (value or not key):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{_plain(name, secret)}" if key else str(name), secret)
    else:
        yield key, json.dumps(_plain(value, secret), ensure_ascii=False)


def _plain(value: object, secret: bytes) -> object:
    """As JSON has it; a secret, and a login within an address, as its keyed hash.

    Of a path its name only: the same file lies elsewhere on another machine.
    """
    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value(), secret)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Mapping):
        return {str(_plain(key, secret)): _plain(inner, secret) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner, secret) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _LOGIN.sub(lambda found: f"//{_masked(found[1], secret)}@", str(value))


def _masked(value: str, secret: bytes) -> str:
    return f"••• ({hmac.new(secret, b'setting:' + value.encode(), hashlib.sha256).hexdigest()[:8]})"
