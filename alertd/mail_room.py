"""The mail room: letters at once, and now and then what keeps the list of addresses healthy."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from alertd import canary, hygiene, postman, subscribe
from alertd.clock import stopwatch
from alertd.db import writing
from alertd.site import Site
from alertd.store import letters

log = logging.getLogger(__name__)

#: how often canaries and alarms are minded, and how often the list is looked through
CANARIES, LIST = timedelta(minutes=1), timedelta(hours=1)
#: after an accident, in seconds
REST = 10.0
#: an address that was never confirmed is forgotten after so long
FORGET = timedelta(days=2)


class MailRoom:
    """Lives in the relay; `tick` comes several times a second and never raises."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rests_until: float = 0.0
        self._minded: datetime | None = None
        self._looked: datetime | None = None

    def tick(self) -> None:
        """Sends letters; once a minute minds the canaries, once an hour looks through the list."""
        if stopwatch() < self._rests_until:
            return
        try:
            now = self._site.clock.now()
            if self._minded is None or now - self._minded >= CANARIES:
                self._minded = now
                canary.send(self._site)
                self._watch_alarms(now)
            if self._looked is None or now - self._looked >= LIST:
                self._looked = now
                self._look_after_the_list(now)
            postman.post(self._site)
        except Exception:
            self._rests_until = stopwatch() + REST
            log.exception("the mail room had an accident; it goes on after a rest")

    def _watch_alarms(self, now: datetime) -> None:
        with writing(self._site.engine) as session:
            subscribe.watch_leaving(session, self._site, now)
            subscribe.watch_asking(session, self._site, now)

    def _look_after_the_list(self, now: datetime) -> None:
        hygiene.suspend(self._site)
        with writing(self._site.engine) as session:
            letters.forget_letters(session, now - FORGET)
