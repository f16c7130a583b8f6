"""Lanes: mail domains that want to be treated with care, each with a number and a pace of its own.

Carriers shut out a sender that comes with too much at a time. What a lane cannot take now
is not waited for: it is due again when its turn comes, and everybody else goes first.
"""

from __future__ import annotations

from collections.abc import Mapping

from alertd.clock import stopwatch
from channels.email_settings import LaneSettings

#: how much of what was measured last goes into the mean duration of a mail
_WEIGHT = 0.2
#: a parcel is sent back for at least so many seconds, for that costs more than a moment; so what comes
#: late by no more than this does not lose its place
_SHORTEST = 0.25


class Lane:
    """What is under way to one group of domains, and when the next may go."""

    def __init__(self, settings: LaneSettings) -> None:
        self._most = settings.sessions
        self._step = 0.0 if settings.per_second is None else 1.0 / settings.per_second
        self._under_way: dict[int, float] = {}
        #: how long a mail takes, in seconds
        self._duration = 0.1
        #: when the next one may begin; up to when turns were given away
        self._next = self._given = 0.0

    def enter(self, slot: int) -> float:
        """0 = it may go now; else the seconds until its turn."""
        now = stopwatch()
        if now >= self._next and len(self._under_way) < self._most:
            self._next = max(self._next, now - _SHORTEST) + self._step
            self._under_way[slot] = now
            return 0.0
        step = max(self._step, self._duration / self._most)
        self._given = max(self._given, self._next, now) + step
        return max(self._given - now, _SHORTEST)

    def leave(self, slot: int) -> None:
        """It is not under way any more."""
        begun = self._under_way.pop(slot, None)
        if begun is not None:
            self._duration += _WEIGHT * (stopwatch() - begun - self._duration)


class Lanes:
    """All lanes of a channel; most domains have none."""

    def __init__(self, settings: Mapping[str, LaneSettings]) -> None:
        self._by_domain: dict[str, Lane] = {}
        for one in settings.values():
            lane = Lane(one)
            self._by_domain.update(dict.fromkeys(one.domains, lane))
        self._taken: dict[int, Lane] = {}

    def __bool__(self) -> bool:
        return bool(self._by_domain)

    def enter(self, slot: int, recipient: str) -> float:
        """0 = it may go now; else the seconds until its turn."""
        lane = self._by_domain.get(recipient.rpartition("@")[2].lower())
        if lane is None:
            return 0.0
        wait = lane.enter(slot)
        if not wait:
            self._taken[slot] = lane
        return wait

    def leave(self, slot: int) -> None:
        """It is not under way any more."""
        lane = self._taken.pop(slot, None)
        if lane is not None:
            lane.leave(slot)
