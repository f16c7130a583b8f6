"""The watch over drills: what the relay does for them at every tick, without ever being held up by them."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from alertd.clock import stopwatch
from alertd.drill import check, fire, prepare, schedule
from alertd.site import Site

log = logging.getLogger(__name__)

#: between two looks at what takes time, in seconds
_SLOWLY = 1.0
#: until what could not be prepared is tried again, in seconds
_AGAIN = 60.0


class DrillWatch:
    """Fires at once; prepares and checks in a thread of its own. Any number of them may watch."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._bench = ThreadPoolExecutor(1, "drills")
        self._work: Future[None] | None = None
        self._looked: float | None = None
        self._failed: dict[int, float] = {}

    def tick(self) -> None:
        """Fires and ends what is due; starts what takes time. A fault here stops no real alert."""
        try:
            fire.fire_due(self._site)
        except SQLAlchemyError:
            raise
        except Exception:
            log.exception("a drill could not be looked at")
        if self._work is not None and not self._work.done():
            return
        if self._looked is None or stopwatch() - self._looked >= _SLOWLY:
            self._looked = stopwatch()
            self._work = self._bench.submit(self._slowly)

    def close(self) -> None:
        """Lets what has begun end; may be called twice."""
        self._bench.shutdown(wait=True, cancel_futures=True)

    def _slowly(self) -> None:
        try:
            self.work()
        except Exception:
            log.exception("a drill could not be prepared or checked")

    def work(self) -> None:
        """What takes time: the next occurrences, words and sounds, looks at the far ends."""
        site = self._site
        schedule.plan_next(site)
        for number in prepare.due(site, site.clock.now()):
            if stopwatch() - self._failed.get(number, float("-inf")) < _AGAIN:
                continue
            if not prepare.prepare(site, number):
                self._failed[number] = stopwatch()
        for number, minutes in check.due(site, site.clock.now()):
            check.check(site, number, minutes)
        fire.calm(site)
