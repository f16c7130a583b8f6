"""The ETA: how long calls will take, from how many there are, how long each lasts, and the lines.

    one round = calls × (answered share × talk + other share × ring) ÷ lines

Who did not answer is called again in the next round. A pace that is slower than the
lines could go stretches a round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Calling:
    """What the forecast assumes; times are in seconds."""

    #: calls under way at a time
    lines: int
    #: calls begun in a second
    per_second: float
    #: the part of the calls of one round that is answered; 0.6 before anything was measured
    answered: float = 0.6
    #: how long an answered call lasts
    talk: float = 75.0
    #: how long any other call holds its line
    ring: float = 35.0
    #: rounds in all
    rounds: int = 3
    #: between a call and the next one to the same number
    pauses: tuple[float, ...] = ()

    @property
    def each(self) -> float:
        """How long a call holds its line, on average."""
        return self.answered * self.talk + (1 - self.answered) * self.ring


@dataclass(frozen=True, slots=True)
class Eta:
    """How long until everybody was called once, and until the last attempt has ended; and why so long."""

    first_round: timedelta
    all_rounds: timedelta
    calls: int
    calling: Calling

    @property
    def paced(self) -> bool:
        """Not the lines but how quickly calls may begin is what takes so long."""
        return self.calling.lines > self.calling.each * self.calling.per_second


def eta(calls: int, calling: Calling) -> Eta:
    """The forecast for so many first calls."""
    seconds = waited = 0.0
    left = float(calls)
    first = _round(left, calling)
    for turn in range(calling.rounds):
        if left < 0.5:
            break
        begins = max(seconds, waited)
        seconds = begins + _round(left, calling)
        if turn < len(calling.pauses):
            waited += calling.pauses[turn]
        left *= 1 - calling.answered
    return Eta(timedelta(seconds=first), timedelta(seconds=seconds), calls, calling)


def _round(calls: float, calling: Calling) -> float:
    one = calling.each if calls >= 1 else 0.0
    return max(calls * calling.each / calling.lines, calls / calling.per_second, one)
