"""The group commit: what comes while a transaction is being written goes into the next one, together.

Hundreds of callbacks a second would else be hundreds of commits, and the senders would
wait behind each of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from alertd.clock import stopwatch

#: requests of one transaction at most
AT_ONCE = 500
#: seconds from the beginning of one group to the next: in between the database is the senders'
SOONEST, LATEST = 0.05, 0.25
#: … by the size of the group: a crowd is gathered for longer, a few are soon answered
EACH = 0.003

Entry = TypeVar("Entry")
_Waiting = tuple[Sequence[Entry], "asyncio.Future[None]"]


class GroupCommit(Generic[Entry]):
    """Gives entries to `write`, in a thread, which commits all of them or raises. For one event loop.

    What comes alone is written at once. After a group of `n` requests the next begins
    `n * EACH` seconds later, at least `soonest` and at most `latest`. A group that fails is
    written request by request, so that a bad one stops no other. The threads are changed once for each group, not
    for each who waits: at hundreds a second that would cost more than the writing.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Entry]], None],
        *,
        soonest: float = SOONEST,
        latest: float = LATEST,
    ) -> None:
        self._write = write
        self._soonest, self._latest = soonest, latest
        self._waiting: deque[_Waiting[Entry]] = deque()
        self._at_work: asyncio.Task[None] | None = None

    async def add(self, entries: Sequence[Entry]) -> None:
        """Returns when these are committed; raises what `write` raised for them.

        Who waits may go away; the entries are written all the same.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._waiting.append((entries, done))
        if self._at_work is None:
            self._at_work = loop.create_task(self._run())
        await done

    async def _run(self) -> None:
        """Writes group after group until nothing waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began = stopwatch()
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
                errors = await loop.run_in_executor(None, self._written, group)
                for (_, done), error in zip(group, errors, strict=True):
                    if done.done():
                        continue
                    if error is None:
                        done.set_result(None)
                    else:
                        done.set_exception(error)
                pause = min(max(len(group) * EACH, self._soonest), self._latest)
                await asyncio.sleep(began + pause - stopwatch())
        finally:
            self._at_work = None

    def _written(self, group: Sequence[_Waiting[Entry]]) -> list[Exception | None]:
        """Writes these together, else one by one; what stopped each of them."""
        if self._trouble([entry for entries, _ in group for entry in entries]) is None:
            return [None] * len(group)
        return [self._trouble(entries) for entries, _ in group]

    def _trouble(self, entries: Sequence[Entry]) -> Exception | None:
        try:
            self._write(entries)
        except Exception as error:  # noqa: BLE001 - it is given to whoever waits for it
            return error
        return None
