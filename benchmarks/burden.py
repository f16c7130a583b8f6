"""The burden on a database server: its processor time and its largest process, read from /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
#: between two looks at the memory, in seconds
_EVERY = 0.5


class Burden:
    """Watches a server and its children until it is closed; without a process it tells nothing."""

    def __init__(self, process: int | None) -> None:
        self._process = process
        self._stop = threading.Event()
        #: the largest process so far, in megabytes: what it shares with the others is not counted
        self.peak_mb = 0.0
        self._thread = threading.Thread(target=self._look, daemon=True)
        if process is not None:
            self._thread.start()

    def cpu_seconds(self) -> float:
        """What the server and its children, also those that have ended, have taken so far."""
        if self._process is None:
            return 0.0
        own = _times(self._process)
        return (sum(own) + sum(sum(_times(child)[:2]) for child in _children(self._process))) / _TICKS

    def close(self) -> None:
        """Looks no more; may be called twice."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _look(self) -> None:
        assert self._process is not None
        while not self._stop.wait(_EVERY):
            for child in _children(self._process):
                self.peak_mb = max(self.peak_mb, _own_megabytes(child))


def _children(process: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _times(process: int) -> tuple[int, int, int, int]:
    """Ticks in user mode and in the kernel, of itself and of children that have ended."""
    try:
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0, 0, 0
    return int(words[11]), int(words[12]), int(words[13]), int(words[14])


def _own_megabytes(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)
