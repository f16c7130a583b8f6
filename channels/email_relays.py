"""The relays of a channel: which one the next connection goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alertd.clock import stopwatch
from channels.email_settings import Relay

#: seconds that a relay is left alone after it could not be reached: at first, and at most
PAUSE, LONGEST_PAUSE = 1.0, 30.0
#: seconds for which a relay that takes its time is only used when there is no better one
SLOW_FOR = 30.0
#: seconds that a relay may take in any case, and how many times longer than the quickest one, before it is slow
IN_ANY_CASE, TIMES_LONGER = 0.3, 4.0


@dataclass(slots=True)
class Mark:
    """What is known of one relay."""

    relay: Relay
    #: connections to it that are at work
    lines: int = 0
    #: how often in a row it could not be reached, and until when it is left alone
    failures: int = 0
    paused_until: float = 0.0
    slow_until: float = 0.0
    #: for how many seconds its slowest connection has been waiting for a reply
    waiting: float = 0.0

    def failed(self) -> None:
        """It could not be reached, or broke off."""
        self.paused_until = stopwatch() + min(PAUSE * 2**self.failures, LONGEST_PAUSE)
        self.failures += 1

    def answered(self) -> None:
        """A connection to it came about."""
        self.failures, self.paused_until = 0, 0.0

    def slow(self) -> None:
        """A mail has been waiting there for long."""
        self.slow_until = stopwatch() + SLOW_FOR


class Relays:
    """Fail-over, and the share of each: the work goes where it is done."""

    def __init__(self, relays: Sequence[Relay]) -> None:
        self.marks = tuple(Mark(relay) for relay in relays)

    def choose(self) -> Mark | None:
        """The relay for a new connection: not paused, not slow, and with the fewest; None = all are paused."""
        now = stopwatch()
        there = [mark for mark in self.marks if mark.paused_until <= now]
        return min(there, key=lambda mark: (mark.slow_until > now, mark.lines), default=None)

    def weigh(self) -> None:
        """One that keeps a mail, or a new connection, waiting far longer than another one does is slow."""
        for mark in self.marks:
            quickest = min((one.waiting for one in self.marks if one.lines), default=0.0)
            if mark.waiting > max(IN_ANY_CASE, TIMES_LONGER * quickest):
                mark.slow()

    def better_than(self, mark: Mark) -> bool:
        """Whether work should rather go elsewhere than to this slow relay."""
        now = stopwatch()
        if mark.slow_until <= now:
            return False
        return any(one.slow_until <= now and one.paused_until <= now for one in self.marks)

    def try_again(self) -> None:
        """All are tried anew when none is left."""
        if self.choose() is None:
            for mark in self.marks:
                mark.paused_until = 0.0
