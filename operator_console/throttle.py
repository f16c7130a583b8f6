"""The throttle: who guesses passwords waits longer each time; nobody is locked out."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

#: wrong passwords that cost nothing
FREE = 3
#: the longest wait
LONGEST = timedelta(seconds=60)
#: after which a failure is forgotten
_FORGOTTEN = timedelta(minutes=15)
#: failures that are remembered; the oldest go first
_MOST = 10_000


class Throttle:
    """Failed sign-ins by name and address, in this process's memory."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], tuple[int, datetime]] = {}
        self._guard = threading.Lock()

    def wait(self, name: str, address: str, now: datetime) -> timedelta:
        """How long this name must wait at this address; zero = it may try."""
        with self._guard:
            failures, last = self._failures.get((name, address), (0, now))
        if failures < FREE or now - last > _FORGOTTEN:
            return timedelta()
        pause = min(timedelta(seconds=2.0 ** min(failures - FREE + 1, 10)), LONGEST)
        return max(last + pause - now, timedelta())

    def failed(self, name: str, address: str, now: datetime) -> None:
        """Notes a wrong password."""
        with self._guard:
            failures, last = self._failures.pop((name, address), (0, now))
            count = 1 if now - last > _FORGOTTEN else failures + 1
            self._failures[name, address] = (count, now)
            while len(self._failures) > _MOST:
                self._failures.pop(next(iter(self._failures)))

    def succeeded(self, name: str, address: str) -> None:
        """Forgets the failures."""
        with self._guard:
            self._failures.pop((name, address), None)
