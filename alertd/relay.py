"""The relay: needs the database only, and sees to it that what was promised moves.

It plans, rings the workers, expires, finishes; and when nobody looks at what is due
— no broker, no worker — it dispatches by itself and raises the alarm.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from alertd import audit, correct, hold, plan, settled, store, watchdog
from alertd.anchor import Anchors
from alertd.announce import Crier
from alertd.channel import Outcome
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.dispatch import MOVES, Move, State
from alertd.drill.watch import DrillWatch
from alertd.inherit import inherit
from alertd.mail_room import MailRoom
from alertd.receive import TIME_RAN_OUT
from alertd.rounds import Rounds
from alertd.send import drain
from alertd.site import Site
from alertd.store import airings
from alertd.store.freezes import open_below
from alertd.tables import ChannelStateRow, DispatchRow
from alertd.watermark import Watermark

log = logging.getLogger(__name__)

#: how often it looks, in seconds
EVERY = 0.25
#: after the death of a sender on this machine, seconds until the relay steps in when nobody else has looked:
#: longer than a worker takes that is started again, and shorter than `[worker] patience`
BEREAVED = 4.0
#: for so long after it, in seconds
MOURNING = 60.0
#: the alarm that says that the relay has to dispatch by itself
NOBODY_LOOKS = "nobody-looks"

#: rings the workers of a channel; returns whether the broker took it
Ring = Callable[[str], bool]


class Relay:
    """Looks at the database several times a second. Any number of relays may run."""

    def __init__(self, site: Site, ring: Ring | None) -> None:
        self._site = site
        self._ring = ring
        self._stop = threading.Event()
        self._bell = ThreadPoolExecutor(1, "bell")
        self._ringing: Future[None] | None = None
        self._unheard: dict[str, float] = {}
        #: when it was last seen that a sender of a channel had died here
        self._bereaved: dict[str, float] = {}
        self._own: dict[str, threading.Thread] = {}
        self._drills = DrillWatch(site)
        self._booth = ThreadPoolExecutor(1, "booth")
        self._speaking: Future[None] | None = None
        self._spoken: set[int] = set()
        self._unplanned: set[int] = set()
        self._tower = ThreadPoolExecutor(1, "tower")
        self._watching: Future[None] | None = None
        self._mail_room = MailRoom(site)
        self._clerk = ThreadPoolExecutor(1, "clerk")
        self._posting: Future[None] | None = None
        self._rounds = Rounds(site)
        self._anchors = Anchors(site.config.audit.anchors)
        self._watermark = Watermark(site.config.storage)

    def run(self, stop: threading.Event) -> None:
        """Ticks until `stop`; a database that is down is waited for."""
        looked = False
        crier = Crier(self._site)
        try:
            while not stop.is_set():
                try:
                    if not looked:
                        hold.look(self._site)
                        settled.look(self._site)
                        looked = True
                    self.tick()
                except SQLAlchemyError as error:
                    log.warning("the database does not answer: %s", error.__class__.__name__)
                    stop.wait(1.0)
                stop.wait(EVERY)
        finally:
            crier.close()
            self.close()

    def tick(self) -> None:
        """One look: plan, expire, finish, inherit, ring, and step in where nobody looks."""
        site = self._site
        self._drills.tick()
        with reading(site.engine) as session:
            # what is frozen is planned when it may go out: its audience, and the age of its approval, are looked at then
            below = open_below(session, site.clock.now())
            approved = [
                row.id for row in store.dispatches_in(session, State.APPROVED) if row.priority < below
            ]
        for number in approved:
            self._plan(number)
        self._conclude()
        self._speak_corrections()
        self._watch_the_air()
        self._carry_letters()
        self._rounds.tick()
        self._bereaved |= dict.fromkeys(inherit(site), stopwatch())
        now = site.clock.now()
        with reading(site.engine) as session:
            due = [name for name in site.settings if _due(session, site, name, now)]
            alone = [name for name in due if self._nobody_looks(session, name, now)]
            self._anchors.keep(session, now)
            self._watermark.keep(session, now)
        self._call(due)
        for name in alone:
            self._dispatch(name)
        if not due and not self._busy():
            self._calm()

    def _plan(self, number: int) -> None:
        """One dispatch that cannot be planned never keeps the others from going out."""
        try:
            plan.plan(self._site, number)
        except SQLAlchemyError:
            raise
        except Exception:
            if number not in self._unplanned:
                log.exception("dispatch %s could not be planned", number)
            self._unplanned.add(number)

    def close(self) -> None:
        """Ends the bell and the relay's own dispatching; may be called twice."""
        self._stop.set()
        self._bell.shutdown(wait=False, cancel_futures=True)
        self._drills.close()
        self._rounds.close()
        self._booth.shutdown(wait=True, cancel_futures=True)
        self._clerk.shutdown(wait=True, cancel_futures=True)
        self._tower.shutdown(wait=True, cancel_futures=True)
        for thread in self._own.values():
            thread.join(timeout=10)

    # expiring and finishing

    def _conclude(self) -> None:
        """Ends what has expired and closes dispatches of which nothing is due any more."""
        site = self._site
        now = site.clock.now()
        with reading(site.engine) as session:
            going = store.dispatches_in(session, State.SENDING)
            stopped = store.cancelled_open(session)
            finished = [
                row.id
                for row in (*going, *stopped)
                if row.expires_at <= now or not store.something_due(session, row.id)
            ]
        for number in finished:
            with writing(site.engine) as session:
                row = store.dispatch(session, number, lock=True)
                assert row is not None
                self._end(session, row, now)

    def _end(self, session: Session, row: DispatchRow, now: datetime) -> None:
        if row.expires_at <= now:
            store.close_open(session, row.id, Outcome.EXPIRED, TIME_RAN_OUT, now)
        if store.something_due(session, row.id):
            return
        if row.state is State.SENDING:
            row.state = MOVES[row.state, Move.FINISH]
        row.finished_at = now
        audit.note(
            session, at=now, actor=audit.ENGINE, action="dispatch.finished", subject=f"dispatch:{row.id}"
        )

    # preparing corrections

    def _speak_corrections(self) -> None:
        """Makes the sounds of prepared corrections, one dispatch at a time, in a thread of its own."""
        if self._speaking is not None and not self._speaking.done():
            return
        with reading(self._site.engine) as session:
            waiting = [n for n in store.corrections_unspoken(session) if n not in self._spoken]
        if waiting:
            self._spoken.add(waiting[0])
            self._speaking = self._booth.submit(self._speak, waiting[0])

    def _speak(self, number: int) -> None:
        try:
            correct.speak(self._site, number)
        except Exception:
            log.exception("the sounds of the correction of dispatch %s could not be made", number)

    # watching transmitters

    def _watch_the_air(self) -> None:
        """Takes off what is on the air for too long, in a thread of its own: its sender may be gone."""
        if self._watching is not None and not self._watching.done():
            return
        with reading(self._site.engine) as session:
            late = airings.held_too_long(session, self._site.clock.now())
            names = sorted({row.channel for row in late} & set(self._site.settings))
        if names:
            self._watching = self._tower.submit(self._take_off, names)

    def _take_off(self, names: list[str]) -> None:
        for name in names:
            try:
                watchdog.watchdog(self._site, name)
            except Exception:
                log.exception("the transmitter of %s could not be given back", name)

    # letters

    def _carry_letters(self) -> None:
        """Sends mails about registrations, in a thread of its own: no alert holds them up, nor they an alert."""
        if self._posting is None or self._posting.done():
            self._posting = self._clerk.submit(self._mail_room.tick)

    # ringing

    def _call(self, channels: list[str]) -> None:
        """Rings for each channel, in a thread of its own: a broker that hangs stops nothing."""
        if self._ring is None or not channels:
            return
        if self._ringing is not None and not self._ringing.done():
            return
        self._ringing = self._bell.submit(self._ring_all, tuple(channels), self._ring)

    def _ring_all(self, channels: tuple[str, ...], ring: Ring) -> None:
        for name in channels:
            if ring(name):
                self._unheard.pop(name, None)
            else:
                self._unheard.setdefault(name, stopwatch())

    # stepping in

    def _nobody_looks(self, session: Session, name: str, now: datetime) -> bool:
        """Whether what is due has waited longer than our patience and no worker has looked."""
        patience = timedelta(seconds=self._site.config.worker.patience)
        row = session.get(ChannelStateRow, name)
        since = store.due_since(session, name)
        looked = row.looked_at if row is not None else None
        if self._ring is None or self._unheard.get(name, stopwatch()) < stopwatch() - 1.0:
            patience = min(patience, timedelta(seconds=1))
        elif self._bereaved.get(name, -MOURNING) > stopwatch() - MOURNING:
            patience = min(patience, timedelta(seconds=BEREAVED))
        return since is not None and since <= now - patience and (looked is None or looked <= now - patience)

    def _dispatch(self, name: str) -> None:
        """Drains a channel in this process, and says so."""
        running = self._own.get(name)
        if running is not None and running.is_alive():
            return
        site = self._site
        message = "no worker answers; the relay sends by itself — look at the broker and the workers"
        with writing(site.engine) as session:
            now = site.clock.now()
            if store.raise_alarm(session, NOBODY_LOOKS, message, now):
                log.error(message)
                audit.note(
                    session, at=now, actor=audit.ENGINE, action="relay.stepped_in", subject=f"channel:{name}"
                )
        thread = threading.Thread(target=self._drain, args=(name,), name=f"relay-{name}", daemon=True)
        self._own[name] = thread
        thread.start()

    def _drain(self, name: str) -> None:
        try:
            drain(self._site, name, self._stop)
        except Exception:
            log.exception("the relay could not send on channel %s", name)

    def _busy(self) -> bool:
        return any(thread.is_alive() for thread in self._own.values())

    def _calm(self) -> None:
        """Puts the alarm off when nothing is due and the bell is heard again."""
        site = self._site
        if self._unheard or not self._own:
            return
        with writing(site.engine) as session:
            if store.clear_alarm(session, NOBODY_LOOKS):
                now = site.clock.now()
                audit.note(session, at=now, actor=audit.ENGINE, action="relay.stepped_back", subject="relay")
        self._own.clear()


def _due(session: Session, site: Site, name: str, now: datetime) -> bool:
    """Whether a channel has work that may be done now."""
    row = session.get(ChannelStateRow, name)
    if row is not None and row.resume_at is not None and row.resume_at > now:
        return False
    if row is not None and row.owned_until is not None and row.owned_until > now:
        return False
    fresh = settled.may_send(session, site, name) and store.waiting(session, name, now)
    return fresh or store.overdue(session, name, now)
