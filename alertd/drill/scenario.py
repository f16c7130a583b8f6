"""The scenario of a drill: what is said at T plus so much, to whom, over what, and when it takes place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from alertd.drill.calendar import Rule, instant

#: the zone of a scenario that names none
ZONE = "Asia/Tokyo"
#: how long a step may still be sent after its time
LIFE = timedelta(hours=2)


class Meant(StrEnum):
    """Whom a message of a drill is for."""

    #: the city's own staff, by their group
    STAFF = "staff"
    #: residents who said that they want drills, by their group
    SUBSCRIBERS = "subscribers"
    #: everybody in the areas
    EVERYBODY = "everybody"


class Part(StrEnum):
    """What a message of a drill is for."""

    #: says that there will be a drill
    ANNOUNCEMENT = "announcement"
    #: the drill itself
    STEP = "step"
    #: says that the drill is broken off
    ABORT = "abort"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message: when, what, to whom, over what."""

    part: Part
    #: from T; None for the word that breaks the drill off
    after: timedelta | None
    #: for a day before: at this time of that day
    eve: time | None = None
    template: str
    values: Mapping[str, str]
    #: names or codes; empty = every area
    areas: tuple[str, ...] = ()
    #: sections; empty = every section that carries drills
    channels: tuple[str, ...] = ()
    #: EVERYBODY stands alone
    meant: tuple[Meant, ...] = (Meant.SUBSCRIBERS,)
    siren: bool = False
    life: timedelta = LIFE


@dataclass(frozen=True, slots=True)
class Goal:
    """What the drill wants: so many percent reached within so long of each step."""

    percent: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A checked scenario; `steps` in the order of their times, announcements first, the abort last."""

    name: str
    title: Mapping[str, str]
    #: on which days; None = the day is given when it is scheduled
    rule: Rule | None
    #: the one day, when the scenario names one
    day: date | None
    at: time
    zone: ZoneInfo
    steps: tuple[Step, ...]
    goal: Goal
    document: str

    def once(self, day: date) -> datetime:
        """The start on that day, UTC."""
        return instant(day, self.at, self.zone)

    def due_at(self, step: Step, starts_at: datetime) -> datetime | None:
        """When a step of an occurrence goes out, UTC; None = when the drill is broken off."""
        if step.eve is not None:
            day = starts_at.astimezone(self.zone).date() - timedelta(days=1)
            return instant(day, step.eve, self.zone)
        return starts_at + step.after if step.after is not None else None

    def title_in(self, language: str) -> str:
        """The title in a language, else in Japanese."""
        return self.title.get(language) or self.title["ja"]
