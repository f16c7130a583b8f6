"""Sending: claim due deliveries, hand them over in small groups, record what became of each.

While one group is being handed over, the group before it is recorded and the group
after it is marked, in one transaction: the line never waits, and a sender that dies
leaves at most two groups of which it is not known whether they arrived.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from alertd import journal, lane, messages, on_air, plan, settled, store, watchdog
from alertd.air_watch import Watch
from alertd.alert import Severity, Status
from alertd.channel import (
    Airs,
    Channel,
    InDoubt,
    Message,
    Outcome,
    Pace,
    Prepares,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.db import reading, writing
from alertd.errors import ChannelError, ChannelMisconfigured, ChannelUnavailable, WrongInput
from alertd.look_again import look_again, notes
from alertd.messages import Messages, NotAsApproved
from alertd.outbox import Streams
from alertd.quiet import quiet_until
from alertd.record import close, close_late, pause, record, refuse
from alertd.silence import silence
from alertd.site import Site
from alertd.store import Claimed
from alertd.stream import stream
from alertd.tables import DispatchRow

log = logging.getLogger(__name__)

#: how many groups are claimed at once
GROUPS = 8
#: how many hand-overs are looked at again at once
LOOK_AGAIN = 50
#: the longest wait for the pace inside a drain, in seconds
PATIENCE = 0.25


@dataclass(slots=True)
class Group:
    """Deliveries that are handed over together: one message, at most `batch_size` targets."""

    message: Message
    status: Status
    claimed: list[Claimed]
    #: of them, those that were marked: their targets by key
    targets: dict[str, tuple[Claimed, Target]] = field(default_factory=dict)
    receipts: list[tuple[Claimed, Receipt]] = field(default_factory=list)
    #: marked, and surely never handed over
    untouched: list[Claimed] = field(default_factory=list)
    #: what stopped it in the middle
    fault: ChannelError | None = None


def drain(site: Site, name: str, stop: threading.Event) -> int:
    """Sends what is due on a channel until nothing is, or `stop`. Returns how many were handed over.

    1. Claim: look-agains first (they are few), then hand-overs as pace and lines allow.
    2. Look again: ask the far end, or settle what is in doubt.
    3. Hand over group by group.

    What cannot go on raises an alarm and pauses the channel: a worker that looks and
    always fails must not pass for one that works.
    """
    try:
        return _drain(site, name, stop)
    except Exception as error:
        message = f"{type(error).__name__} in the sender of {name}; see the log"
        with writing(site.engine) as session:
            row = lane.lane(session, name)
            lane.failed(session, row, message, site.clock.now(), person_needed=False)
        raise


def _drain(site: Site, name: str, stop: threading.Event) -> int:
    channel = site.channel(name)
    book = Messages(site, name)
    handed = 0
    if isinstance(channel, Prepares):
        channel.prepare()
    family = journal.kin(notes(site)) if isinstance(channel, Streams) else ""
    with site.keeper.keeping(name, family) as owner, ThreadPoolExecutor(1, f"record-{name}") as recorder:
        if isinstance(channel, Streams) and channel.traits.pace is None and name not in site.unsettled:
            streamed = stream(site, name, owner, channel, book, stop)
            if streamed is not None:
                return streamed
        try:
            while not stop.is_set():
                watchdog.watchdog(site, name)
                claim = _claim(site, name, owner, channel.traits)
                if claim.fresh:
                    handed += _hand_over(site, name, owner, channel, book, claim, recorder, stop)
                if claim.again:
                    look_again(site, name, owner, channel, book, claim.again)
                elif claim.line_wanted and channel.traits.pace is not None:
                    _await_line(site, name, channel.traits.pace, stop)
                elif claim.wait > 0:
                    stop.wait(min(claim.wait, PATIENCE))
                elif not claim.fresh:
                    return handed
        finally:
            pace = channel.traits.pace
            if channel.traits.exclusive:
                with writing(site.engine) as session:
                    lane.disown(lane.lane(session, name), owner)
            elif pace is not None and pace.kept:
                with writing(site.engine) as session:
                    lane.leave(lane.lane(session, name), owner, pace, site.clock.now())
            # else its claims lapse, and whoever looks next drops them
            with suppress(OperationalError), writing(site.engine) as session:
                store.let_go(session, owner)
    return handed


@dataclass(frozen=True, slots=True)
class Claim:
    """What a drain has leased, and when it may go on."""

    #: hand-overs to look at again
    again: list[Claimed]
    #: deliveries to hand over, …
    fresh: list[Claimed]
    #: … not before
    begin: datetime
    #: nothing may go yet: seconds until it pays to look again; 0 = nothing is waiting
    wait: float = 0.0
    #: something waits for a line to be free
    line_wanted: bool = False


def _await_line(site: Site, name: str, pace: Pace, stop: threading.Event) -> None:
    """Looks often whether a line is free, and only reads: lines are taken for most of a campaign."""
    assert pace.in_flight is not None
    for _ in range(round(PATIENCE / lane.FREE_LINE)):
        if stop.wait(lane.FREE_LINE):
            return
        with reading(site.engine) as session:
            if store.lines_in_use(session, name, site.clock.now()) < pace.in_flight:
                return


def _claim(site: Site, name: str, owner: str, traits: Traits) -> Claim:
    """Claims what is due, as pace, lines and the hour allow."""
    with writing(site.engine) as session:
        now = site.clock.now()
        until = now + site.keeper.lease
        row = lane.lane(session, name)
        row.looked_at = now
        if row.resume_at is not None and row.resume_at > now:
            return Claim([], [], now)
        if traits.exclusive and not lane.own(row, owner, now, until):
            return Claim([], [], now)
        settings = site.settings[name]
        morning = quiet_until(settings.quiet_hours, now)
        if morning is not None:
            store.hold(session, name, list(Severity).index(settings.quiet_unless), morning, now)
        again = store.claim(session, name, owner, handed=True, limit=LOOK_AGAIN, now=now, until=until)
        if not settled.may_send(session, site, name):
            return Claim(again, [], now)
        wanted = traits.batch_size if traits.exclusive else traits.batch_size * GROUPS
        if traits.pace is not None and traits.pace.kept and not lane.own(row, owner, now, until):
            return Claim(again, [], now)
        if (rest := on_air.rest(session, name, site.channel(name), now)) > 0:
            return Claim(again, [], now, rest if store.waiting(session, name, now) else 0.0)
        allowed = lane.allowance(session, row, traits.pace, wanted, now)
        if not allowed.number:
            waiting = store.waiting(session, name, now)
            return Claim(again, [], now, allowed.wait if waiting else 0.0, waiting and allowed.lines_full)
        fresh = store.claim(session, name, owner, handed=False, limit=allowed.number, now=now, until=until)
        if fresh:
            lane.spend(row, traits.pace, allowed)
        return Claim(again, fresh, allowed.begin)


# handing over -------------------------------------------------------------------------


def _hand_over(
    site: Site,
    name: str,
    owner: str,
    channel: Channel,
    book: Messages,
    claim: Claim,
    recorder: ThreadPoolExecutor,
    stop: threading.Event,
) -> int:
    """Sends claimed deliveries; returns how many were handed over. Whatever is left is given back."""
    traits, fresh = channel.traits, claim.fresh
    ahead = traits.in_doubt in (InDoubt.RESEND, InDoubt.RESEND_ACTUAL) and traits.pace is None
    groups = iter(_groups(site, name, owner, book, fresh, traits.batch_size))
    if isinstance(channel, Airs):
        # what is aired next is decided when the air is free: something may have cut in
        groups = islice(groups, 1)
    current, following, done = next(groups, None), None, None
    handed = 0
    if current is not None:
        _turn(site, name, owner, traits, None, current)
        stop.wait(max(0.0, (claim.begin - site.clock.now()).total_seconds()))
    while current is not None:
        following = None if stop.is_set() else next(groups, None)
        turn: Future[None] | None = None
        if ahead and (done is not None or following is not None):
            turn = recorder.submit(_turn, site, name, owner, traits, done, following)
        fault = current.fault = _deliver(site, name, channel, current)
        handed += len(current.receipts)
        if turn is not None:
            turn.result()
        if fault is not None:
            if following is not None and ahead:
                following.untouched = [claimed for claimed, _ in following.targets.values()]
                _turn(site, name, owner, traits, following, None)
            _turn(site, name, owner, traits, current, None)
            pause(site, name, owner, fault, [claimed.id for claimed in fresh])
            return handed
        if ahead:
            done, current = current, following
        else:
            _turn(site, name, owner, traits, current, following)
            done, current = None, following
    if done is not None:
        _turn(site, name, owner, traits, done, None)
    if stop.is_set() or isinstance(channel, Airs):
        with writing(site.engine) as session:
            store.release(session, owner, [claimed.id for claimed in fresh])
    return handed


def _groups(
    site: Site, name: str, owner: str, book: Messages, fresh: Sequence[Claimed], size: int
) -> Iterator[Group]:
    """The claimed deliveries by message, in the order in which they were claimed."""
    for (dispatch_id, language), run in groupby(fresh, key=lambda one: (one.dispatch_id, one.language)):
        rows = list(run)
        try:
            with reading(site.engine) as session:
                sending = book.of(session, dispatch_id)
            message = sending.messages[language]
        except (NotAsApproved, KeyError) as error:
            refuse(site, name, owner, rows, str(error))
            continue
        for begin in range(0, len(rows), size):
            yield Group(message, sending.status, rows[begin : begin + size])


def _turn(
    site: Site, name: str, owner: str, traits: Traits, done: Group | None, following: Group | None
) -> None:
    """Records one group and marks the next, in one transaction; waits for a database that is down.

    What happened is kept in memory until it is written: the far end has it already.
    """
    while True:
        try:
            with writing(site.engine) as session:
                now = site.clock.now()
                if done is not None:
                    _record(session, site, name, owner, traits, done, now)
                if following is not None:
                    _mark(session, site, name, owner, following, now)
            return
        except OperationalError as error:
            log.warning(
                "the database does not answer; what was sent is kept and recorded later: %s", error.orig
            )
            threading.Event().wait(0.5)


def _mark(session: Session, site: Site, name: str, owner: str, group: Group, now: datetime) -> None:
    addresses = store.addresses(session, [claimed.contact_id for claimed in group.claimed])
    gone = {claimed.id for claimed in group.claimed if not addresses[claimed.contact_id][1]}
    close(session, owner, group.claimed, gone, "has left the list", now)
    dispatch = session.get_one(DispatchRow, group.claimed[0].dispatch_id)
    if dispatch.superseded_by_id is not None:
        ids = [claimed.id for claimed in group.claimed if claimed.id not in gone]
        stale = store.superseded(session, dispatch.superseded_by_id, ids)
        close(session, owner, group.claimed, stale, plan.SUPERSEDED, now)
        gone |= stale
    gone |= close_late(session, owner, dispatch, [one for one in group.claimed if one.id not in gone], now)
    here = [claimed.id for claimed in group.claimed if claimed.id not in gone]
    marked = store.mark_handed(session, owner, here, now)
    store.begun(session, {claimed.dispatch_id for claimed in group.claimed if claimed.id in marked}, now)
    group.targets = {}
    for claimed in group.claimed:
        if claimed.id in marked:
            handed = claimed._replace(attempt=claimed.attempt + 1, handed_at=now)
            address = addresses[claimed.contact_id][0]
            repeat = on_air.begin(session, name, site.channel(name), handed, address, group.message, now)
            if repeat is None:
                close(session, owner, [handed], {handed.id}, on_air.ALREADY, now)
                continue
            target = messages.target(
                site, name, claimed.id, handed.attempt, address, claimed.contact_id, repeat=repeat
            )
            group.targets[target.key] = (handed, target)


def _deliver(site: Site, name: str, channel: Channel, group: Group) -> ChannelError | None:
    """Hands one group over; what stopped it, when something did."""
    if not group.targets:
        return None
    waiting = dict(group.targets)
    fault: ChannelError | None = None
    targets = [target for _, target in group.targets.values()]
    try:
        with (
            silence(site, name, channel, group.claimed[0].dispatch_id),
            Watch(site, name, channel, group.message, group.targets) as watch,
        ):
            for receipt in channel.send(group.message, targets):
                if receipt.phase is not None and receipt.phase.under_way and receipt.key in waiting:
                    watch.see(receipt)
                    continue
                found = waiting.pop(receipt.key, None)
                if found is None:
                    log.error("the channel gave a receipt for no target of its own")
                    continue
                group.receipts.append((found[0], receipt))
    except (ChannelUnavailable, ChannelMisconfigured) as error:
        fault = error
        group.untouched = [claimed for claimed, _ in waiting.values()]
        waiting = {}
    except WrongInput as error:
        # Nothing was sent: these words cannot go out this way, now or later.
        for claimed, target in waiting.values():
            refused = Receipt(
                key=target.key, outcome=Outcome.FAILED, reason=Reason.REFUSED, detail=str(error)
            )
            group.receipts.append((claimed, refused))
        waiting = {}
    except Exception as error:
        log.exception("channel failed in the middle of %s", group.message.identifier)
        fault = ChannelUnavailable(f"{type(error).__name__} in the channel; see the log")
    for claimed, target in waiting.values():
        doubt = Receipt(key=target.key, outcome=Outcome.UNKNOWN, reason=Reason.IN_DOUBT, detail="no receipt")
        group.receipts.append((claimed, doubt))
    return fault


def _record(
    session: Session, site: Site, name: str, owner: str, traits: Traits, group: Group, now: datetime
) -> None:
    """Writes the receipts of a group, and takes back the marks of those that never began."""
    if isinstance(site.channel(name), Airs):
        group.receipts = [
            (claimed, on_air.finished(session, claimed.id, claimed.attempt, receipt, now))
            for claimed, receipt in group.receipts
        ]
        for claimed in group.untouched:
            on_air.never_was(session, claimed.id, now)
    record(session, site, name, owner, group.claimed[0].dispatch_id, group.status, group.receipts, now)
    store.unmark(session, owner, [claimed.id for claimed in group.untouched], now)
    if group.receipts and group.fault is None:
        row = lane.lane(session, name)
        if all(receipt.reason is Reason.RATE_LIMITED for _, receipt in group.receipts):
            lane.too_fast(session, row, 0.0, now)
        else:
            lane.succeeded(session, row, now)
