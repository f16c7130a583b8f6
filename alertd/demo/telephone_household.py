"""The households of the simulated telephone network: what happens when their number is called."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Line(StrEnum):
    """What the caller meets."""

    #: somebody or something picks up
    ANSWERS = "answers"
    #: engaged
    ENGAGED = "engaged"
    #: rings until the caller gives up
    SILENT = "silent"
    #: no such number (SIP 404)
    DEAD = "dead"
    #: the telephone refuses the call (SIP 603)
    DECLINES = "declines"
    #: the network refuses the number as soon as the call is asked for (error 21217)
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """One number; all times are simulated seconds."""

    #: for the ground truth
    behaviour: str
    line: Line = Line.ANSWERS
    #: calls that find the line engaged before it is free
    engaged_first: int = 0
    #: until somebody picks up
    rings: float = 6.0
    #: hangs up so long after picking up; None = stays to the end
    patience: float | None = None
    #: pressed one by one, each time a key is asked for
    keys: str = ""
    #: from the end of the question to the key
    thinks: float = 3.0
    #: presses the first key so long after picking up, without listening further
    interrupts_at: float | None = None
    #: an old telephone: its keys send no tones
    tones: bool = True
    machine: bool = False
    #: of the machine, until the beep
    greeting: float = 8.0


UNDERSTANDS = Household(behaviour="understands", keys="1")
STAYS = Household(behaviour="stays", keys="2")
NEEDS_HELP = Household(behaviour="needs help", keys="3")
HEARS_AGAIN = Household(behaviour="hears again", keys="01")
LISTENS = Household(behaviour="listens")
DIAL_PHONE = Household(behaviour="dial phone", keys="1", tones=False)
HANGS_UP = Household(behaviour="hangs up", patience=4.0)
ENGAGED = Household(behaviour="engaged", line=Line.ENGAGED)
ENGAGED_FIRST = Household(behaviour="engaged first", engaged_first=1, keys="1")
SILENT = Household(behaviour="silent", line=Line.SILENT)
MACHINE = Household(behaviour="machine", machine=True)
DEAD = Household(behaviour="dead", line=Line.DEAD)
DECLINES = Household(behaviour="declines", line=Line.DECLINES)
IMPOSSIBLE = Household(behaviour="impossible", line=Line.IMPOSSIBLE)

#: How often each is met in the demo city, in percent.
_SHARES = (
    (UNDERSTANDS, 46),
    (LISTENS, 10),
    (DIAL_PHONE, 10),
    (STAYS, 3),
    (NEEDS_HELP, 2),
    (HEARS_AGAIN, 4),
    (HANGS_UP, 4),
    (ENGAGED_FIRST, 6),
    (ENGAGED, 1),
    (SILENT, 7),
    (MACHINE, 5),
    (DECLINES, 1),
    (DEAD, 1),
)

Rule = Callable[[str], Household]


def city(seed: int) -> Rule:
    """The rule that gives each number its household; the same seed gives the same city."""
    households, shares = zip(*_SHARES, strict=True)

    def household(number: str) -> Household:
        chosen: Household = random.Random(f"{seed}:{number}").choices(households, shares)[0]
        return chosen

    return household


def everybody(household: Household) -> Rule:
    """The rule that gives every number the same household."""
    return lambda number: household
