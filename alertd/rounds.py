"""The rounds: what the relay looks at now and then, never held up by it: far ends, and tasks that are late."""

from __future__ import annotations

import logging
import threading

from alertd import desk, link_test, maintenance, pulse, settled
from alertd.clock import stopwatch
from alertd.site import Site

log = logging.getLogger(__name__)

#: between two rounds, in seconds; the first one comes so long after the start
_EVERY = 5.0
#: how long who ends waits for who is out; a far end that does not answer is not waited for
_PATIENCE = 0.5


class Rounds:
    """Goes round in a thread of its own. Any number of them may."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._walk: threading.Thread | None = None
        self._next = stopwatch() + _EVERY
        self._closed = False
        self._beat = stopwatch()

    def tick(self) -> None:
        """Sets out when it is time and nobody is out; a relay that comes here is alive."""
        if stopwatch() >= self._beat:
            self._beat = stopwatch() + pulse.EVERY
            pulse.beat(self._site, ["relay"])
        if stopwatch() < self._next or (self._walk is not None and self._walk.is_alive()):
            return
        self._next = stopwatch() + _EVERY
        self._walk = threading.Thread(target=self._go, name="rounds", daemon=True)
        self._walk.start()

    def go(self) -> None:
        """One round: tasks first, for far ends may take their time to answer."""
        site = self._site
        maintenance.end_due(site)
        settled.look_again(site)
        if desk.channels(site):
            desk.watch(site)
        for name in link_test.due(site, site.clock.now()):
            if self._closed:
                return
            link_test.try_link(site, name)

    def close(self) -> None:
        """Ends the round that is under way after its present far end; may be called twice."""
        self._closed = True
        if self._walk is not None:
            self._walk.join(_PATIENCE)

    def _go(self) -> None:
        try:
            self.go()
        except Exception:
            log.exception("a round could not be ended")
