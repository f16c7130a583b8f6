"""The values of a scenario's file: times, days, lengths, areas and audiences as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from typing import TypeVar

from alertd.drill.document import Place
from alertd.drill.scenario import Meant

Member = TypeVar("Member", bound=StrEnum)

#: stands for every area
ALL = frozenset({"all", "全域"})

_OFFSET = re.compile(r"t\s*\+?\s*(?:(\d+)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?\s*(?:(\d+)\s*s)?")
_LENGTH = re.compile(r"(?:(\d+)\s*h(?:ours?)?)?\s*(?:(\d+)\s*m(?:in(?:utes?)?)?)?\s*(?:(\d+)\s*s(?:ec)?)?")


def need(parent: Place, table: Mapping[str, Place], key: str, example: str) -> Place | None:
    """The value of a key that must be there; a missing one is noted with an example."""
    if key not in table:
        parent.findings.add(
            parent,
            f"“{key}” is missing; write, for example, “{key}: {example}”",
            f"「{key}」がありません。例：{key}: {example}",
        )
        return None
    return table[key]


def time_of_day(place: Place, words: str | None = None) -> time | None:
    """A time of day; anything else is noted."""
    try:
        return time.fromisoformat((place.text if words is None else words).zfill(5))
    except ValueError:
        place.findings.add(place, 'is no time of day; write "09:00"', "時刻は 09:00 の形で書いてください。")
        return None


def day_of(place: Place) -> date | None:
    """A day; anything else is noted."""
    try:
        return date.fromisoformat(place.text)
    except ValueError:
        place.findings.add(place, "is no date; write 2027-06-27", "日付は 2027-06-27 の形で書いてください。")
        return None


def offset(place: Place) -> timedelta | None:
    """How long after the start, as in `T+1h30m`; None = not written like that."""
    found = _OFFSET.fullmatch(place.text.lower())
    return _of_parts(found) if found is not None else None


def length(place: Place, otherwise: timedelta) -> timedelta:
    """A length of time; anything else is noted, and `otherwise` holds."""
    found = _LENGTH.fullmatch(place.text.lower())
    if not place.text or found is None or not (written := _of_parts(found)):
        place.findings.add(place, "is no length of time; write 10m, 2h or 1h30m", "例：10m、2h")
        return otherwise
    return written


def area_names(place: Place) -> tuple[str, ...]:
    """The areas by name; none = the whole city."""
    names = place.texts()
    return () if any(name.lower() in ALL for name in names) else names


def audiences(place: Place) -> tuple[Meant, ...]:
    """Whom it is meant for."""
    found = tuple(dict.fromkeys(one for item in place.items() if (one := one_of(item, Meant)) is not None))
    if Meant.EVERYBODY in found and len(found) > 1:
        place.findings.add(
            place, "“everybody” stands alone; leave the others out", "everybody は単独で書いてください。"
        )
    return found or (Meant.SUBSCRIBERS,)


def one_of(place: Place, members: type[Member]) -> Member | None:
    """The member whose value is written there; anything else is noted."""
    for member in members:
        if place.text.lower() == member.value:
            return member
    there = ", ".join(member.value for member in members)
    place.findings.add(place, f"must be one of {there}", f"次のどれかを書いてください：{there}")
    return None


def _of_parts(found: re.Match[str]) -> timedelta:
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
