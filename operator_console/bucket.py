"""Buckets: how many requests each sender has left; a bucket fills by the second, up to its burst."""

from __future__ import annotations

from collections.abc import Callable

from alertd.clock import stopwatch

#: senders that are remembered; who has been silent longest is forgotten first, and starts anew
MOST = 10_000


class Buckets:
    """One bucket for each sender, in this process's memory. For one event loop, or behind a lock."""

    def __init__(self, rate: float, burst: float, *, seconds: Callable[[], float] = stopwatch) -> None:
        self._rate, self._burst, self._seconds = rate, burst, seconds
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, sender: str) -> float:
        """Takes one from the sender's bucket: 0 = it may; else the seconds until there is one again."""
        now = self._seconds()
        left, at = self._left.pop(sender, (self._burst, now))
        left = min(self._burst, left + max(now - at, 0) * self._rate)
        may = left >= 1
        self._left[sender] = (left - may, now)
        if len(self._left) > MOST:
            del self._left[next(iter(self._left))]
        return 0.0 if may else (1 - left) / self._rate

    def empty_for(self, sender: str) -> float:
        """The same, and takes nothing where it may: `wait` is to be asked then."""
        known = self._left.get(sender)
        if known is None or known[0] + max(self._seconds() - known[1], 0) * self._rate >= 1:
            return 0.0
        return self.wait(sender)
