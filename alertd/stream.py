"""Streaming: a fast channel takes from an outbox without a pause, and is recorded in crowds beside it.

The database marks hundreds of deliveries as handed over in one transaction; which of them
has really begun, and what became of it, is noted in the journal at that very moment. So
one transaction does for hundreds, and a sender that dies still leaves no more in doubt
than was on its lines.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from typing import NamedTuple

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from alertd import lane, messages, plan, store
from alertd.alert import Severity
from alertd.channel import Channel, Message, Outcome, Reason, Receipt, Traits
from alertd.clock import stopwatch
from alertd.db import writing
from alertd.errors import ChannelError, ChannelUnavailable
from alertd.journal import Journal, clear, kin
from alertd.look_again import look_again, notes
from alertd.messages import Messages, NotAsApproved
from alertd.outbox import Parcel, Streams
from alertd.quiet import quiet_until
from alertd.record import close, close_late, pause, record, refuse
from alertd.site import Site
from alertd.store import Claimed, crowds
from alertd.store.crowds import Marked
from alertd.tables import DispatchRow

log = logging.getLogger(__name__)

#: how many parcels are kept ready: at least, and at most; and for how many seconds they may last,
#: so that a more urgent alert, or the stop button, waits no longer
LEAST, MOST = 25, 2000
#: … and at the beginning, when nobody knows how fast the lines are
FIRST = 100
LASTS = 0.5
#: seconds over which it is seen how fast they are
RATED_OVER = 0.1
#: seconds after which one thread lets the other one go on: a line must not wait for the feeder's thinking
SWITCH = 0.0005
#: how many objects are made before it is looked for cycles among them: here there are none, and every mail
#: makes some that live for a moment
SELDOM = 200_000
#: seconds between two looks at the lane, at what is in doubt, and at an empty queue
TEND = 0.5
LOOK = 0.1
#: what is postponed comes back in turns of so many seconds
TURN = 0.25
#: how many hand-overs in doubt are settled at once
LOOK_AGAIN = 500


def stream(
    site: Site, name: str, owner: str, channel: Channel, book: Messages, stop: threading.Event
) -> int | None:
    """Sends what is due until nothing is, or `stop`. Returns how many were handed over.

    None = no journal can be kept here, and nothing was done: it must go in small groups.
    """
    journal = Journal.open(notes(site), name, owner, slots=3 * MOST)
    if journal is None:
        return None
    assert isinstance(channel, Streams)
    sys.setswitchinterval(SWITCH)
    gc.set_threshold(SELDOM)
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()  # what a process has by now stays for its life
    try:
        with ThreadPoolExecutor(1, f"lines-{name}") as pool:
            outbox = _Outbox(site, name, owner, journal)
            try:
                line = pool.submit(channel.stream, outbox)
                handed = _Stream(site, name, owner, channel, book, journal, outbox).run(line, stop)
            finally:
                outbox.finish()
        journal.close()
        return handed
    finally:
        journal.abandon()


class _Ready(NamedTuple):
    """What is needed to make a parcel: that is left to the thread of the lines, which knows when."""

    message: Message
    marked: Marked
    slot: int
    priority: int


class _Outbox:
    """What the feeder has made ready, and what the lines have said of it; two threads use it."""

    def __init__(self, site: Site, name: str, owner: str, journal: Journal) -> None:
        self._until = site.keeper.until(owner)
        self._journal = journal
        self._target, self._address = messages.Addressing(site, name).of, crowds.address_of(site.engine)
        self._ready: deque[_Ready] = deque()
        #: what came later and is more urgent than those
        self._ahead: deque[_Ready] = deque()
        #: parcels that could not be begun; they are the first to be taken
        self._back: list[Parcel] = []
        self._ended: list[tuple[int, Receipt]] = []
        self._later: list[tuple[int, float]] = []
        self._wake: Callable[[], None] = lambda: None
        #: set when the feeder has something to do
        self.news = threading.Event()
        #: the feeder is told when so few are left, or so many have ended
        self.few = self.many = FIRST // 2
        self.open = True
        #: the lease has lapsed, or somebody else has taken over
        self.lost = False

    @property
    def waiting(self) -> int:
        """How many can be taken."""
        return len(self._ready) + len(self._ahead) + len(self._back) if self.open else 0

    def take(self) -> Parcel | None:
        """The next one."""
        if not self.open:
            return None
        if self._back:
            return self._back.pop()
        if not (first := self._ahead or self._ready):
            return None
        message, (claimed, address, _), slot, _ = first.popleft()
        if len(self._ready) + len(self._ahead) == self.few:
            self.news.set()
        number, _, contact, _, attempt, *_ = claimed
        return Parcel(message, self._target(number, attempt, self._address(address), contact), slot)

    def put_back(self, parcel: Parcel) -> None:
        """The next to be taken."""
        self._back.append(parcel)

    def postpone(self, parcel: Parcel, seconds: float) -> None:
        """Due again later."""
        self._later.append((parcel.slot, seconds))

    def begin(self, parcel: Parcel) -> bool:
        """Notes it; False when the lease may have lapsed."""
        if stopwatch() < self._until() and self._journal.begin(parcel.slot):
            return True
        self.lost = True
        self.news.set()
        return False

    def end(self, parcel: Parcel, receipt: Receipt) -> None:
        """Notes it, and keeps it for the feeder."""
        self._journal.end(parcel.slot, receipt)
        self._ended.append((parcel.slot, receipt))
        ran_dry = not self._ready and not self._ahead
        if (len(self._ended) == self.many or ran_dry) and not self.news.is_set():
            self.news.set()

    def listen(self, wake: Callable[[], None]) -> None:
        """Whom to tell when there is more."""
        self._wake = wake
        wake()

    def add(self, more: Iterable[_Ready]) -> None:
        """More to take; what is more urgent than what waits goes before it."""
        try:
            waits = self._ready[-1].priority
        except IndexError:  # the lines have just taken the last one
            waits = -1
        for one in more:
            (self._ahead if one.priority < waits else self._ready).append(one)
        self._wake()

    def finish(self) -> None:
        """Nothing more is taken; what was begun ends."""
        self.open = False
        self._wake()

    def said(self) -> tuple[list[tuple[int, Receipt]], list[tuple[int, float]]]:
        """What has ended, and what is to be postponed, since the last time."""
        ended, self._ended = self._ended, []
        later, self._later = self._later, []
        return ended, later


class _Stream:
    """The feeder: one drain of one channel."""

    def __init__(
        self,
        site: Site,
        name: str,
        owner: str,
        channel: Channel,
        book: Messages,
        journal: Journal,
        outbox: _Outbox,
    ) -> None:
        self._site, self._name, self._owner, self._channel = site, name, owner, channel
        self._traits: Traits = channel.traits
        self._book, self._journal, self._outbox = book, journal, outbox
        #: by slot: marked and not recorded
        self._under_way: dict[int, Claimed] = {}
        self._ended: list[tuple[int, Receipt]] = []
        self._later: list[tuple[int, float]] = []
        self._begun: set[int] = set()
        self._handed = self._handed_before = 0
        self._ready = FIRST
        self._rate_since, self._rated = stopwatch(), 0
        self._tended = self._dry = -1e9
        self._paused = False
        #: commits of claims that were not answered: what was marked at these times is not known to us
        self._unsure: list[datetime] = []

    def run(self, line: Future[None], stop: threading.Event) -> int:
        """Until the line has ended: 1. tend the lane; 2. record and refill; 3. wait for news."""
        line.add_done_callback(lambda _: self._outbox.news.set())
        while not line.done():
            if stop.is_set() or self._outbox.lost:
                self._outbox.finish()
            busy = self._tend()
            busy |= self._turn()
            if not busy and not self._under_way and not self._ended and not self._unsure:
                self._outbox.finish()
                line.exception()  # waits: nothing is under way
                break
            self._outbox.news.wait(LOOK)
            self._outbox.news.clear()
        return self._leave(line)

    def _tend(self) -> bool:
        """Twice a second: the lane is looked at, and what others left in doubt is settled. True = it was."""
        if stopwatch() - self._tended < TEND or not self._outbox.open:
            return False
        self._tended = stopwatch()
        site, name = self._site, self._name
        try:
            with writing(site.engine) as session:
                now = site.clock.now()
                row = lane.lane(session, name)
                row.looked_at = now
                if self._handed > self._handed_before:
                    lane.succeeded(session, row, now)
                    self._handed_before = self._handed
                self._paused = row.resume_at is not None and row.resume_at > now
                if self._paused or not crowds.overdue(session, name, now):
                    return False
                again = store.claim(
                    session,
                    name,
                    self._owner,
                    handed=True,
                    limit=LOOK_AGAIN,
                    now=now,
                    until=now + site.keeper.lease,
                    kin=kin(notes(site)),
                )
        except OperationalError as error:
            _unanswered(error)
            return True
        try:
            look_again(site, name, self._owner, self._channel, self._book, again)
        except OperationalError as error:
            _unanswered(error)
        return bool(again)

    def _turn(self) -> bool:
        """Records what has ended and marks what comes next, in one transaction. True = there was something."""
        ended, later = self._outbox.said()
        self._ended += ended
        self._later += later
        wanted = self._wanted()
        if not self._ended and not self._later and not wanted and not self._unsure:
            return False
        fresh: list[Marked] = []
        slots: list[int] = []
        now = self._site.clock.now()
        try:
            with writing(self._site.engine) as session:
                for marked_at in self._unsure:
                    store.give_back(session, self._owner, marked_at, now)
                self._record(session, now)
                if wanted:
                    fresh = self._claim(session, wanted, now)
                    slots = [self._journal.enter(one.claimed.id, one.claimed.attempt) for one in fresh]
                ready, refused = self._made_ready(session, fresh, slots, now)
        except OperationalError as error:
            self._journal.leave(slots)
            self._unsure.append(now)
            _unanswered(error)
            return True
        self._unsure.clear()
        self._journal.leave([slot for slot, _ in (*self._ended, *self._later)])
        for slot, _ in (*self._ended, *self._later):
            del self._under_way[slot]
        self._handed += len(self._ended)
        self._adapt(len(self._ended), more_is_due=wanted > 0 and len(fresh) == wanted)
        busy = bool(self._ended or self._later or fresh)
        self._ended, self._later = [], []
        if wanted and len(fresh) < wanted:
            self._dry = stopwatch()
        self._under_way |= {one.slot: one.marked.claimed for one in ready}
        if len(ready) < len(slots):
            self._journal.leave(set(slots).difference(one.slot for one in ready))
        self._outbox.add(ready)
        for why, rows in refused.items():
            refuse(self._site, self._name, self._owner, rows, why)
        return busy

    def _wanted(self) -> int:
        """How many to claim now: none while enough is ready, or shortly after nothing was due."""
        if not self._outbox.open or self._paused or stopwatch() - self._dry < LOOK:
            return 0
        ready = self._outbox.waiting
        if ready > self._ready // 2:
            return 0
        return min(self._ready - ready, self._journal.free)

    def _claim(self, session: Session, wanted: int, now: datetime) -> list[Marked]:
        settings = self._site.settings[self._name]
        morning = quiet_until(settings.quiet_hours, now)
        if morning is not None:
            store.hold(session, self._name, list(Severity).index(settings.quiet_unless), morning, now)
        until = now + self._site.keeper.lease
        return crowds.claim_and_mark(session, self._name, self._owner, limit=wanted, now=now, until=until)

    def _made_ready(
        self, session: Session, fresh: Sequence[Marked], slots: Sequence[int], now: datetime
    ) -> tuple[list[_Ready], dict[str, list[Claimed]]]:
        """What goes out of the claims; and what must not, by reason."""
        ready: list[_Ready] = []
        refused: dict[str, list[Claimed]] = defaultdict(list)
        for dispatch_id, run in groupby(
            zip(fresh, slots, strict=True), lambda one: one[0].claimed.dispatch_id
        ):
            rows = list(run)
            claims = [marked.claimed for marked, _ in rows]
            gone = {marked.claimed.id for marked, _ in rows if not marked.active}
            close(session, self._owner, claims, gone, "has left the list", now)
            dispatch = session.get_one(DispatchRow, dispatch_id)
            if dispatch.superseded_by_id is not None:
                ids = [claimed.id for claimed in claims if claimed.id not in gone]
                stale = store.superseded(session, dispatch.superseded_by_id, ids)
                close(session, self._owner, claims, stale, plan.SUPERSEDED, now)
                gone |= stale
            waiting = [claimed for claimed in claims if claimed.id not in gone]
            gone |= close_late(session, self._owner, dispatch, waiting, now)
            if gone:
                rows = [(marked, slot) for marked, slot in rows if marked.claimed.id not in gone]
            if rows and dispatch_id not in self._begun:
                store.begun(session, {dispatch_id}, now)
                self._begun.add(dispatch_id)
            languages = {marked.claimed.language for marked, _ in rows}
            told = {language: self._message(session, dispatch_id, language) for language in languages}
            messages_in: dict[str, Message] = {}
            for language, message in told.items():
                if isinstance(message, str):
                    refused[message] += [one.claimed for one, _ in rows if one.claimed.language == language]
                else:
                    messages_in[language] = message
            if len(messages_in) < len(told):
                rows = [one for one in rows if one[0].claimed.language in messages_in]
            priority = dispatch.priority
            ready += [
                _Ready(messages_in[marked.claimed.language], marked, slot, priority) for marked, slot in rows
            ]
        return ready, refused

    def _message(self, session: Session, dispatch_id: int, language: str) -> Message | str:
        try:
            return self._book.of(session, dispatch_id).messages[language]
        except (NotAsApproved, KeyError) as error:
            return str(error)

    def _record(self, session: Session, now: datetime) -> None:
        by_dispatch: dict[int, list[tuple[Claimed, Receipt]]] = defaultdict(list)
        for slot, receipt in self._ended:
            claimed = self._under_way[slot]
            by_dispatch[claimed.dispatch_id].append((claimed, receipt))
        for dispatch_id, said in by_dispatch.items():
            status = self._book.of(session, dispatch_id).status
            record(session, self._site, self._name, self._owner, dispatch_id, status, said, now)
        turns: dict[int, list[int]] = defaultdict(list)
        for slot, seconds in self._later:
            turns[ceil(seconds / TURN)].append(self._under_way[slot].id)
        for turn, ids in turns.items():
            store.unmark(session, self._owner, ids, now + timedelta(seconds=turn * TURN))

    def _adapt(self, ended: int, *, more_is_due: bool) -> None:
        """Keeps as much ready as lasts a moment; where the lines ran dry, nobody knows how fast they are."""
        now = stopwatch()
        self._rated += ended
        enough = float(self._ready)
        if self._outbox.waiting:
            if now - self._rate_since < RATED_OVER:
                return
            enough = min(LASTS * self._rated / (now - self._rate_since), 2 * self._ready)
        elif more_is_due:
            enough = 2 * self._ready
        self._rate_since, self._rated = now, 0
        self._ready = max(LEAST, min(MOST, int(enough)))
        self._outbox.few = self._outbox.many = self._ready // 2

    def _leave(self, line: Future[None]) -> int:
        """The lines have ended: what they said is recorded, the rest is given back, a fault is told."""
        site, name = self._site, self._name
        fault = line.exception()
        if fault is not None and not isinstance(fault, ChannelError):
            log.error("channel failed in the middle of a stream", exc_info=fault)
            fault = ChannelUnavailable(f"{type(fault).__name__} in the channel; see the log")
        self._outbox.finish()
        doubt = Receipt(key="", outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail="no receipt")
        self._ended += [(slot, doubt) for slot in self._journal.unended(self._under_way)]
        while self._turn() or self._unsure:
            pass
        while not self._given_back():
            pass
        if fault is not None:
            pause(site, name, self._owner, fault, [])
        return self._handed

    def _given_back(self) -> bool:
        """What was marked and never begun is due again; False = the database does not answer."""
        site, name = self._site, self._name
        try:
            with writing(site.engine) as session:
                now = site.clock.now()
                store.unmark(session, self._owner, [one.id for one in self._under_way.values()], now)
                if self._handed > self._handed_before:
                    lane.succeeded(session, lane.lane(session, name), now)
                store.let_go(session, self._owner)
                nothing_open = not store.handed_open(session, name)
        except OperationalError as error:
            _unanswered(error)
            return False
        if nothing_open:
            clear(notes(site), name)
        return True


def _unanswered(error: OperationalError) -> None:
    log.warning("the database does not answer; what was sent is kept and recorded later: %s", error.orig)
    threading.Event().wait(0.5)
