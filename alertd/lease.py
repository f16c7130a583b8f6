"""The lease keeper: renews what the drains of this process hold, while the process lives."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError

from alertd import store
from alertd.clock import Clock, stopwatch
from alertd.db import writing
from alertd.lifeline import LifeLine
from alertd.tables import ChannelStateRow

log = logging.getLogger(__name__)


class Keeper:
    """Renews leases three times in their length; a dead process renews nothing, and that is all."""

    def __init__(self, engine: Engine, clock: Clock, lease: timedelta, life_lines: Path) -> None:
        self._engine = engine
        self._clock = clock
        self.lease = lease
        #: the folder in which it is seen whose process lives
        self.life_lines = life_lines
        self._owners: dict[str, str] = {}
        #: by owner: the time of the stopwatch at which its leases lapse, if they are not renewed
        self._until: dict[str, float] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, channel: str, kin: str = "") -> Iterator[str]:
        """A new owner whose leases on `channel` are renewed inside the block; its name begins with `kin`."""
        owner = kin + secrets.token_hex(6)
        line = LifeLine.hold(self.life_lines, owner, channel)
        with self._guard:
            self._owners[owner] = channel
            self._until[owner] = stopwatch() + self.lease.total_seconds()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
                self._thread.start()
        try:
            yield owner
        finally:
            with self._guard:
                del self._owners[owner], self._until[owner]
            if line is not None:
                line.let_go()

    def until(self, owner: str) -> Callable[[], float]:
        """What tells until when, by the stopwatch, nobody else can have what this owner holds."""
        known = self._until
        return lambda: known.get(owner, 0.0)

    def close(self) -> None:
        """Stops renewing; may be called twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(self.lease.total_seconds() / 3):
            with self._guard:
                owners = dict(self._owners)
            if not owners:
                continue
            try:
                self._renew(owners)
            except SQLAlchemyError:
                log.warning("leases could not be renewed; the database does not answer")

    def _renew(self, owners: dict[str, str]) -> None:
        now, begun = self._clock.now(), stopwatch()
        for owner in owners:
            # by itself: senders hold the row of their lane first and what they have claimed then
            with writing(self._engine) as session:
                store.renew(session, owner, now + self.lease)
        with writing(self._engine) as session:
            for owner, channel in owners.items():
                session.execute(
                    update(ChannelStateRow)
                    .where(ChannelStateRow.channel == channel, ChannelStateRow.owner == owner)
                    .values(owned_until=now + self.lease)
                )
                session.execute(
                    update(ChannelStateRow).where(ChannelStateRow.channel == channel).values(looked_at=now)
                )
        with self._guard:
            for owner in self._until:
                if owner in owners:
                    self._until[owner] = begun + self.lease.total_seconds()
