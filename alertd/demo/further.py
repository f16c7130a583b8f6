"""A further channel of the demo: an installed one, with its section and a few addresses."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alertd.alert import Status
from alertd.demo.city import PREFIX
from alertd.demo.far_ends import SECTIONS
from alertd.errors import Problem, WrongConfiguration
from alertd.recipient import Contact, Recipient, RecipientKind
from alertd.registry import channel_settings
from alertd.zones import zones

#: the key of the section that is the demo's own: whom it reaches
ADDRESSES = "addresses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """A section, whose far end the user runs."""

    name: str
    #: as it is written into the demo's configuration
    section: str
    recipients: tuple[Recipient, ...]


def read_further(file: Path) -> tuple[Further, ...]:
    """The `[channels.NAME]` tables of a file, each with its `addresses`. Raises WrongConfiguration.

    They carry drills only, whatever they say; files that they name are relative to this one.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("channels", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongConfiguration(Problem(str(file), f"cannot be read: {error}")) from error
    if not tables:
        raise WrongConfiguration(Problem(str(file), "has no [channels.NAME]"))
    return tuple(_further(name, dict(table), file.resolve().parent) for name, table in tables.items())


def _further(name: str, table: dict[str, object], folder: Path) -> Further:
    where = f"channels.{name}"
    if name in SECTIONS:
        raise WrongConfiguration(Problem(where, "the demo has a channel of this name"))
    addresses = table.pop(ADDRESSES, None)
    if not isinstance(addresses, list) or not addresses or not all(isinstance(one, str) for one in addresses):
        raise WrongConfiguration(Problem(f"{where}.{ADDRESSES}", 'name a few, such as ["101", "102"]'))
    table |= {
        "carries": [Status.EXERCISE.value, Status.TEST.value],
        **{
            key: str(folder / value)
            for key, value in table.items()
            if key.endswith("_file") and isinstance(value, str)
        },
    }
    settings = channel_settings(name, table, folder)
    people = (
        Recipient(
            external_id=f"{PREFIX}{name}-{number}",
            name=f"{name} {number}（模擬）",
            kind=RecipientKind.ORGANISATION,
            area=zones()[0].code,
            contacts=(Contact(kind=settings.reaches, address=address),),
        )
        for number, address in enumerate(addresses, start=1)
    )
    return Further(
        name=name, section=f"\n[channels.{json.dumps(name)}]\n{_toml(table)}", recipients=tuple(people)
    )


def _toml(table: Mapping[str, object]) -> str:
    """The lines of a table; a JSON value is one of TOML as well, but for tables within."""
    return "".join(f"{json.dumps(key)} = {_value(value)}\n" for key, value in table.items())


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # a time or a date stands without quotes
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (str, bool, int, float)) else str(value)
