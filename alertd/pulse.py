"""The pulse of a program: a file below `storage` whose time says when a relay or a worker was last alive."""

from __future__ import annotations

import logging
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alertd.clock import Clock

log = logging.getLogger(__name__)

#: between two beats, in seconds
EVERY = 5.0
#: a program that has not been alive for so long is dead
DEAD = timedelta(seconds=30)
_FOLDER = "pulse"


def beat(storage: Path, program: str, now: datetime) -> None:
    """Notes that a program is alive. A disk that takes nothing stops no program."""
    file = storage / _FOLDER / program
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(0o644)
        os.utime(file, (now.timestamp(), now.timestamp()))
    except OSError as error:
        log.warning("the pulse of %s cannot be written: %s", program, error.strerror)


def last(storage: Path, program: str) -> datetime | None:
    """When a program of that name was last alive; None = never on this storage."""
    try:
        return datetime.fromtimestamp((storage / _FOLDER / program).stat().st_mtime, UTC)
    except OSError:
        return None


def of_worker(channel: str) -> str:
    """The name under which a worker beats for one of its channels."""
    return f"worker.{channel}"


class Pulse:
    """Beats in a thread of its own until it is closed."""

    def __init__(self, storage: Path, programs: list[str], clock: Clock) -> None:
        self._storage, self._programs, self._clock = storage, programs, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops; may be called twice."""
        self._stop.set()
        self._thread.join()

    def _go(self) -> None:
        while True:
            for program in self._programs:
                beat(self._storage, program, self._clock.now())
            if self._stop.wait(EVERY):
                return
