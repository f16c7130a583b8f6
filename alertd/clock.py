"""What time it is: the one module that may ask."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; handed in wherever time matters."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


#: seconds on a clock that never jumps, as a float; only differences mean anything
stopwatch = time.monotonic
