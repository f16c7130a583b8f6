"""The faults of the simulated telephone network: how often each happens, drawn from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Probabilities from 0 to 1; those that end in `_for` and `_by` are real seconds."""

    #: the call is created and the connection broken before the reply
    reply_lost: float = 0.0
    #: HTTP 500 and no call
    error_before: float = 0.0
    #: HTTP 500 although the call was created
    error_after: float = 0.0
    #: HTTP 429 and no call
    too_many: float = 0.0
    #: … and says after how many seconds to come again; 0 = it does not say
    too_many_for: float = 0.0
    #: the reply to a created call is held back …
    reply_late: float = 0.0
    #: … for so many real seconds
    reply_late_by: float = 1.0
    #: a status callback is never posted
    callback_dropped: float = 0.0
    #: … is posted three times
    callback_repeated: float = 0.0
    #: … overtakes or is overtaken, by real seconds up to `callback_late_by`
    callback_late: float = 0.0
    callback_late_by: float = 0.5
    #: somebody else posts a false one beside it
    callback_forged: float = 0.0

    def __str__(self) -> str:
        present = ((name, getattr(self, name)) for name in self.__slots__)
        return ", ".join(f"{name} {chance:g}" for name, chance in present if chance) or "none"


class Dice:
    """Draws for one call; the same seed, number and turn give the same draws."""

    def __init__(self, seed: int, number: str, turn: int) -> None:
        self._random = random.Random(f"{seed}:{number}:{turn}")

    def falls(self, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return self._random.random() < probability

    def up_to(self, seconds: float) -> float:
        """A length of time below `seconds`."""
        return self._random.random() * seconds
