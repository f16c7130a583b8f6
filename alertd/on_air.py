"""On the air: transmitters are taken by one airing at a time, watched, taken off when they must be, and given back.

The sender watches its own airings (`alertd.air_watch`); an airing whose sender is gone is watched by whoever
looks again; and the watchdog (`alertd.watchdog`) takes off what is on the air for too long.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.airing import PREEMPTED, STOPPED, WATCHDOG
from alertd.channel import Airs, Channel, Inquiry, Message, Outcome, Reason, Receipt, Traits
from alertd.db import reading, writing
from alertd.errors import ChannelError
from alertd.site import Site
from alertd.store import Claimed, airings
from alertd.tables import AiringRow

log = logging.getLogger(__name__)

#: how often a sender asks whether its airing must come off, seconds
LOOK_EVERY = 0.25
#: how often one delivery gives way to more urgent ones
MOST_REPEATS = 3
#: what is said of a delivery whose transmitter airs the alert for another entry of the list
ALREADY = "this transmitter airs the same alert for another entry of the list"
#: the kind of alarm that says that a transmitter is not given back
ALARM = "airing"

_WHY = {
    PREEMPTED: "taken off the air for something more urgent",
    STOPPED: "taken off the air: an operator has stopped the alert",
    WATCHDOG: "taken off the air: it was on for longer than it may be",
}


# before an airing -----------------------------------------------------------------------


def rest(session: Session, name: str, channel: Channel, now: datetime) -> float:
    """For how many seconds nothing new may be aired: the transmitter is held, or rests."""
    if not isinstance(channel, Airs):
        return 0.0
    if airings.is_held(session, name):
        return LOOK_EVERY
    return max(0.0, (airings.free_at(session, name, channel.traits.gap, now) - now).total_seconds())


def begin(
    session: Session,
    name: str,
    channel: Channel,
    claimed: Claimed,
    address: str,
    message: Message,
    now: datetime,
) -> int | None:
    """Takes the transmitter for a hand-over that begins; how often it was meant to be aired before.

    None when it must not go: the transmitter has this alert for another delivery.
    """
    if not isinstance(channel, Airs):
        return 0
    repeat = airings.repeats(session, [claimed.id])[claimed.id]
    row = AiringRow(
        dispatch_id=claimed.dispatch_id,
        delivery_id=claimed.id,
        channel=name,
        address=address,
        repeat=repeat,
        attempt=claimed.attempt,
        requested_at=now,
        ends_by=now + channel.limit(message),
        taken_off=None,
        released_at=None,
    )
    return repeat if airings.begin(session, row) else None


def repeat_of(session: Session, delivery_id: int) -> int:
    """Which of its airings a delivery is at."""
    row = airings.latest(session, delivery_id)
    return row.repeat if row is not None else 0


def never_was(session: Session, delivery_id: int, now: datetime) -> None:
    """The hand-over surely never reached the transmitter."""
    row = airings.latest(session, delivery_id)
    if row is not None:
        airings.release(session, row.id, now)


# during an airing -----------------------------------------------------------------------


def note(site: Site, seen: Sequence[tuple[int, int, Receipt]]) -> None:
    """Writes phases of airings down, each of a delivery's attempt once."""
    with writing(site.engine) as session:
        new = [
            (delivery_id, attempt, receipt)
            for delivery_id, attempt, receipt in seen
            if receipt.phase is not None and not airings.noted(session, delivery_id, attempt, receipt.phase)
        ]
        store.add_receipts(session, new, site.clock.now())


def must_come_off(session: Session, row: AiringRow, traits: Traits, now: datetime) -> str | None:
    """Why an airing must be taken off at once; None = it may go on."""
    if row.released_at is not None:
        return None
    if row.taken_off is not None:
        return row.taken_off
    if row.ends_by <= now:
        return WATCHDOG
    if airings.stopped(session, row):
        return STOPPED
    if traits.cuts_in is None or row.repeat >= MOST_REPEATS:
        return None
    if airings.cut_in_by(session, row, traits.cuts_in, now) is not None:
        return PREEMPTED
    return None


def take_off(
    site: Site,
    name: str,
    channel: Channel,
    airing_id: int,
    inquiry: Inquiry,
    why: str,
    *,
    together: Sequence[int] = (),
) -> Receipt | None:
    """Takes an airing off and gives its transmitter back; None when that is not proven yet.

    `together` are other airings of the same hand-over: they are noted to come off with it.
    """
    assert isinstance(channel, Airs)
    with writing(site.engine) as session:
        row = session.get_one(AiringRow, airing_id)
        first = row.taken_off is None
        if not airings.take_off(session, airing_id, why):
            return None
        for other in together:
            airings.take_off(session, other, why)
        if first:
            audit.note(
                session,
                at=site.clock.now(),
                actor=audit.ENGINE,
                action="airing.taken_off",
                subject=f"dispatch:{row.dispatch_id}",
                detail={"channel": name, "why": _WHY[why]},
            )
    log.warning("channel %s: an airing of %s is %s", name, inquiry.message.identifier, _WHY[why])
    try:
        receipt = channel.release(inquiry)
    except ChannelError as error:
        message = f"the transmitter of {name} is not given back; call the station: {error}"
        log.error("channel %s: %s", name, message)
        with writing(site.engine) as session:
            now = site.clock.now()
            if store.raise_alarm(session, f"{ALARM}:{name}", message, now):
                audit.note(
                    session,
                    at=now,
                    actor=audit.ENGINE,
                    action="airing.stuck",
                    subject=f"channel:{name}",
                    detail={"message": message},
                )
        return None
    with writing(site.engine) as session:
        store.clear_alarm(session, f"{ALARM}:{name}")
    return receipt._replace(detail=f"{_WHY[why]}; {receipt.detail}" if receipt.detail else _WHY[why])


def adopt(
    site: Site, name: str, channel: Channel, claimed: Claimed, inquiry: Inquiry, receipt: Receipt
) -> Receipt | None:
    """Sees to an airing whose sender is gone and that is still under way.

    The last word, when it had to be taken off; None = it goes on, look again soon.
    """
    note(site, [(claimed.id, claimed.attempt, receipt)])
    if not isinstance(channel, Airs):
        return None
    with reading(site.engine) as session:
        row = airings.latest(session, claimed.id)
        why = must_come_off(session, row, channel.traits, site.clock.now()) if row is not None else None
    if row is None or why is None:
        return None
    return take_off(site, name, channel, row.id, inquiry, why)


# after an airing ------------------------------------------------------------------------


def finished(session: Session, delivery_id: int, attempt: int, receipt: Receipt, now: datetime) -> Receipt:
    """The last word on an airing as it is to be recorded; its transmitter is free where that is proven.

    What gave way to something more urgent is due once more.
    """
    row = airings.latest(session, delivery_id)
    if row is None or row.attempt != attempt:
        return receipt
    proven = receipt.outcome is not Outcome.UNKNOWN
    if receipt.phase is not None:
        proven = not receipt.phase.under_way
    if proven:
        airings.release(session, row.id, now)
    elif receipt.reason is not Reason.IN_DOUBT:
        # its sender is done with it: the watchdog has nothing to wait for
        airings.end_now(session, row.id, now)
    if row.taken_off == PREEMPTED and proven and receipt.outcome is Outcome.UNKNOWN:
        return receipt._replace(outcome=Outcome.DEFERRED, reason=Reason.PREEMPTED)
    return receipt
