"""The pace of calls: so many begin in a second as the far end counts them, and never one more.

When a call begins at the far end is not known here, only that it is between our request
and its reply. So a place in the second is free again one second after the reply to the
call that had it: however requests and replies are delayed, the far end sees no more. The
price is one reply's time in each second.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from alertd.clock import stopwatch

#: seconds after its request at which a call without a reply has begun, or never will
LATEST = 3.0


class CallPace:
    """Lets `per_second` calls begin, over all threads that ask; what a second does not use is lost."""

    def __init__(self, per_second: float) -> None:
        places = max(1, ceil(per_second))
        self._span = places / per_second
        #: by place: from when it is free, and whose turn it was last
        self._places: list[tuple[float, object]] = [(0.0, None)] * places
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for a place; the request and its reply are inside."""
        mine = object()
        self._take(mine)
        try:
            yield
        finally:
            self._give(mine)

    def _take(self, mine: object) -> None:
        with self._changed:
            while True:
                now = stopwatch()
                place = min(range(len(self._places)), key=lambda n: self._places[n][0])
                wait = self._places[place][0] - now
                if wait <= 0:
                    self._places[place] = (now + LATEST + self._span, mine)
                    return
                self._changed.wait(wait)

    def _give(self, mine: object) -> None:
        free = stopwatch() + self._span
        with self._changed:
            self._places = [(free, None) if whose is mine else (at, whose) for at, whose in self._places]
            self._changed.notify_all()
