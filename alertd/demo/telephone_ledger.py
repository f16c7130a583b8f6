"""The ledger of a simulated far end: what really happened, in order, in memory and as JSON lines."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from alertd.clock import Clock, SystemClock

Entry = Mapping[str, object]


class Ledger:
    """Append-only; safe from several threads. Lives until `close`."""

    def __init__(self, path: Path | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._file: IO[str] | None = path.open("a", encoding="utf-8") if path else None

    def record(self, event: str, **facts: object) -> None:
        """Write one entry down; it is in the file when this returns."""
        entry = {"at": self._clock.now().isoformat(), "event": event, **facts}
        with self._lock:
            self._entries.append(entry)
            if self._file is not None:
                self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                self._file.flush()

    def entries(self, event: str | None = None) -> Sequence[Entry]:
        """Everything, or everything of one kind, in order."""
        with self._lock:
            return [entry for entry in self._entries if event is None or entry["event"] == event]

    def close(self) -> None:
        """Closes the file; may be called twice."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
