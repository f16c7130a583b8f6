"""The simulated stations (子局) behind the simulated gateway: who they are and what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Condition(StrEnum):
    """What is wrong with a station."""

    #: nothing: it speaks and answers
    FINE = "fine"
    #: it answers, and its battery is low
    LOW_BATTERY = "low-battery"
    #: it does not speak and does not answer
    DEAD = "dead"
    #: it speaks and can never answer
    ONE_WAY = "one-way"
    #: it answers that it could not speak
    FAULT = "fault"


@dataclass(slots=True)
class Ordered:
    """One station's part in an announcement, under the delivery's key."""

    key: str
    station: str
    report_url: str
    announcement: str
    state: str = "waiting"
    battery: str | None = None

    def answer(self) -> dict[str, object]:
        """What the gateway says of it."""
        return {
            "key": self.key,
            "station": self.station,
            "announcement": self.announcement,
            "state": self.state,
            "battery": self.battery,
        }

    def spoken(self, condition: Condition) -> bool:
        """The announcement is over: the state says what the station has answered. Whether it has spoken."""
        self.battery = {Condition.FINE: "ok", Condition.LOW_BATTERY: "low"}.get(condition)
        self.state = {
            Condition.DEAD: "no_answer",
            Condition.ONE_WAY: "sent",
            Condition.FAULT: "fault",
        }.get(condition, "answered")
        return condition not in (Condition.DEAD, Condition.FAULT)


@dataclass(slots=True)
class Stations:
    """Every station whose number fits a pattern, and the few with something wrong."""

    #: such as `[A-Z]{3}-[0-9]{3}`
    pattern: str
    conditions: dict[str, Condition] = field(default_factory=dict)

    def knows(self, station: str) -> bool:
        """Whether there is such a station."""
        return re.fullmatch(self.pattern, station) is not None

    def condition(self, station: str) -> Condition:
        """What is wrong with it."""
        return self.conditions.get(station, Condition.FINE)
