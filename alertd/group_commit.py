"""The group commit: what comes while a transaction is being written goes into the next one, together.

Hundreds of callbacks a second would else be hundreds of commits, and the senders would
wait behind each of them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from alertd.errors import AlertdError

#: entries of one transaction at most
AT_ONCE = 50

Entry = TypeVar("Entry")


class GroupCommit(Generic[Entry]):
    """Gives entries of many threads to `write`, which commits all of them or raises.

    A group that fails is written one by one, so that a bad entry stops no other.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None]) -> None:
        self._write = write
        self._waiting: deque[tuple[Entry, Future[None]]] = deque()
        self._writing = threading.Lock()

    def add(self, entry: Entry) -> None:
        """Returns when the entry is committed. Raises AlertdError or SQLAlchemyError."""
        mine: Future[None] = Future()
        self._waiting.append((entry, mine))
        with self._writing:
            while not mine.done():
                self._write_group()
        mine.result()

    def _write_group(self) -> None:
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
        try:
            self._write([entry for entry, _ in group])
        except (AlertdError, SQLAlchemyError) as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            for entry, done in group:
                self._write_alone(entry, done)
        else:
            for _, done in group:
                done.set_result(None)

    def _write_alone(self, entry: Entry, done: Future[None]) -> None:
        try:
            self._write([entry])
        except (AlertdError, SQLAlchemyError) as error:
            done.set_exception(error)
        else:
            done.set_result(None)
