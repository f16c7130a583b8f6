"""Results that take long to count: each once for everybody who asks, beside the requests."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from alertd import store
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.result import PARTS, Result, result
from alertd.site import Site
from alertd.store import figures, frontier
from alertd.tables import ReceiptRow

log = logging.getLogger(__name__)

#: from so many deliveries on, nobody is kept waiting for the count
LARGE = 100_000
#: how long a result serves although something more was said meanwhile
SERVES = timedelta(minutes=1)
#: results that are kept
_MOST = 50


@dataclass(slots=True)
class Counting:
    """A result that is being made: so many of `PARTS` are done."""

    began: float
    done: int = 0

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 * self.done // PARTS

    @property
    def seconds(self) -> int:
        """How long it has taken so far."""
        return int(stopwatch() - self.began)


@dataclass(frozen=True, slots=True)
class Counted:
    """A result, and when it was made."""

    result: Result
    at: datetime
    #: the last receipt that it knows of
    said: int


class CountedResults:
    """The results of one installation's dispatches, as its web process has counted them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._guard = threading.Lock()
        self._kept: dict[int, Counted] = {}
        self._counting: dict[int, Counting] = {}
        self._pool = ThreadPoolExecutor(1, "results")

    def result(self, session: Session, number: int) -> Counted | Counting:
        """The result as it is now; of a large dispatch that of less than a minute ago. Raises NotFound."""
        row = store.dispatch(session, number)
        if row is None:
            raise NotFound(f"there is no dispatch {number}; `alertd alert list` shows them")
        said, now = frontier.newest(session, ReceiptRow.id), self._site.clock.now()
        if not figures.has(session, number, LARGE):
            return Counted(result(session, number), now, said)
        with self._guard:
            kept = self._kept.get(number)
            if kept is not None and self._serves(kept, row.state, said, now):
                return kept
            counting = self._counting.get(number)
            if counting is None:
                counting = self._counting[number] = Counting(stopwatch())
                self._pool.submit(self._count, number, counting)
            return counting

    @staticmethod
    def _serves(kept: Counted, state: State, said: int, now: datetime) -> bool:
        return kept.result.state is state and (kept.said == said or now - kept.at < SERVES)

    def _count(self, number: int, counting: Counting) -> None:
        def part_done() -> None:
            counting.done += 1

        try:
            with reading(self._site.engine) as session:
                said = frontier.newest(session, ReceiptRow.id)
                made = Counted(result(session, number, part_done=part_done), self._site.clock.now(), said)
        except (SQLAlchemyError, NotFound) as error:
            # whoever asks again begins again
            log.warning("the result of dispatch %d could not be counted: %s", number, type(error).__name__)
            with self._guard:
                del self._counting[number]
            return
        with self._guard:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[number] = made
            del self._counting[number]
