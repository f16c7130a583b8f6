"""The group commit: what comes while a transaction is being written goes into the next one, together.

Hundreds of callbacks a second would else be hundreds of commits, and the senders would
wait behind each of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from alertd.clock import stopwatch

#: entries of one transaction at most
AT_ONCE = 200
#: seconds from the beginning of one group to the next: in between the database is the senders'
EVERY = 0.1

Entry = TypeVar("Entry")


class GroupCommit(Generic[Entry]):
    """Gives entries of many threads to `write`, which commits all of them or raises.

    One thread writes; it lives while there is something to write. What comes alone is
    written at once. A group that fails is written one by one, so that a bad entry stops
    no other.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None], every: float = EVERY) -> None:
        self._write = write
        self._every = every
        self._waiting: deque[tuple[Entry, Future[None]]] = deque()
        self._guard = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "group-commit")
        self._at_work = False
        self._pause = threading.Event()

    def add(self, entry: Entry) -> Future[None]:
        """Done when the entry is committed; fails with what `write` raised for it."""
        mine: Future[None] = Future()
        # who waits may go away; the entry is written all the same
        mine.set_running_or_notify_cancel()
        with self._guard:
            self._waiting.append((entry, mine))
            if not self._at_work:
                self._at_work = True
                self._thread.submit(self._run)
        return mine

    def _run(self) -> None:
        """Writes group after group until nothing waits."""
        while True:
            began = stopwatch()
            self._write_group()
            with self._guard:
                if not self._waiting and stopwatch() - began >= self._every:
                    self._at_work = False
                    return
            self._pause.wait(max(0.0, began + self._every - stopwatch()))

    def _write_group(self) -> None:
        with self._guard:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
        if not group:
            return
        if self._wrote(group) or len(group) == 1:
            return
        for one in group:
            self._wrote([one])

    def _wrote(self, group: Sequence[tuple[Entry, Future[None]]]) -> bool:
        """Writes these together; a single one that fails is told so."""
        try:
            self._write([entry for entry, _ in group])
        except Exception as error:  # noqa: BLE001 - it is given to whoever waits for it
            if len(group) == 1:
                group[0][1].set_exception(error)
            return False
        for _, done in group:
            done.set_result(None)
        return True
