"""The lane: what all workers together know of one channel — its pace, its owner, its health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.channel import Pace
from alertd.tables import ChannelStateRow

#: the longest pause after a far end was found down
LONGEST_PAUSE = timedelta(seconds=30)
#: the pause when a person must act first
MISCONFIGURED_PAUSE = timedelta(seconds=60)
#: the longest pause that a far end may ask for
LONGEST_WAIT = timedelta(seconds=120)
#: after which a far end that is asked too often, and takes nothing, is an alarm
BUSY_FOR = timedelta(seconds=60)
#: after its last word, a far end that was asked too often is asked anew
_FORGOTTEN = timedelta(minutes=5)
#: how many seconds of a pace are begun together
SLICE = 0.2
#: … and of one that the channel itself keeps
TOGETHER = 0.5
#: how many seconds before its time a slice may be claimed, so that the line never waits for the database
AHEAD = 0.1
#: what part of a pace is used: the far end counts by its own clock, and replies jitter
MARGIN = 0.97
#: seconds until it is looked again whether a line is free
FREE_LINE = 0.05


def lane(session: Session, channel: str) -> ChannelStateRow:
    """The row of a channel, locked until the transaction ends; made at the first call."""
    row = session.get(ChannelStateRow, channel, with_for_update=True, populate_existing=True)
    if row is None:
        # Two workers may be the first at once.
        make = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(make(ChannelStateRow).values(channel=channel, failures=0).on_conflict_do_nothing())
        row = session.get_one(ChannelStateRow, channel, with_for_update=True)
    return row


def own(row: ChannelStateRow, owner: str, now: datetime, until: datetime) -> bool:
    """Takes an exclusive channel for `owner`; False while somebody else has it."""
    if row.owner not in (None, owner) and row.owned_until is not None and row.owned_until > now:
        return False
    row.owner, row.owned_until = owner, until
    return True


def disown(row: ChannelStateRow, owner: str) -> None:
    """Gives an exclusive channel back."""
    if row.owner == owner:
        row.owner = row.owned_until = None


def leave(row: ChannelStateRow, owner: str, pace: Pace, now: datetime) -> None:
    """Gives a lane back whose pace the channel keeps: the next process knows nothing of the last second."""
    if row.owner == owner:
        row.next_at = now + timedelta(seconds=max(1.0, 1 / pace.per_second))
        disown(row, owner)


def too_fast(session: Session, row: ChannelStateRow, seconds: float, now: datetime) -> None:
    """The far end takes nothing because it is asked too often: nothing is handed over for so many seconds.

    That is nobody's fault, and mostly over soon. When it takes nothing for `BUSY_FOR`, the
    alarm goes on, with the time since when.
    """
    if row.busy_since is None or row.resume_at is None or now - row.resume_at > _FORGOTTEN:
        row.busy_since = now
    row.resume_at = now + min(timedelta(seconds=seconds), LONGEST_WAIT)
    if now - row.busy_since < BUSY_FOR:
        return
    row.failures += 1
    message = f"asked too often: it takes nothing since {row.busy_since:%H:%M:%S} UTC"
    if store.raise_alarm(session, f"busy:{row.channel}", message, row.busy_since):
        audit.note(
            session,
            at=now,
            actor=audit.ENGINE,
            action="channel.failed",
            subject=f"channel:{row.channel}",
            detail={"message": message, "person_needed": True},
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be handed over: so many, from `begin` on; or none, and it pays to look again in `wait` seconds."""

    number: int
    begin: datetime
    wait: float = 0.0
    #: what is waited for is a free line
    lines_full: bool = False


def allowance(
    session: Session, row: ChannelStateRow, pace: Pace | None, wanted: int, now: datetime
) -> Allowance:
    """How many hand-overs may begin by the pace and the lines that are free.

    A pace is kept in slices of a part of a second: what a slice does not use is lost, and
    what is late is not made good. So no second sees more than the pace. A pace that the
    channel keeps is only shared out: who has the lane may always begin.
    """
    if pace is None:
        return Allowance(wanted, now)
    begin = max(row.next_at or now, now)
    if pace.kept and begin > now:
        return Allowance(0, begin, (begin - now).total_seconds())
    ahead = (begin - now).total_seconds() - AHEAD
    if ahead > 0:
        return Allowance(0, begin, ahead)
    wanted = min(
        wanted, max(1, int(pace.per_second * TOGETHER)) if pace.kept else in_a_slice(pace.per_second)
    )
    if pace.in_flight is not None:
        wanted = min(wanted, pace.in_flight - store.lines_in_use(session, row.channel, now))
    return Allowance(wanted, begin) if wanted > 0 else Allowance(0, begin, FREE_LINE, lines_full=True)


def spend(row: ChannelStateRow, pace: Pace | None, allowed: Allowance) -> None:
    """Moves the time of the next hand-over on by one slice."""
    if pace is not None and not pace.kept:
        seconds = in_a_slice(pace.per_second) / (pace.per_second * MARGIN)
        row.next_at = allowed.begin + timedelta(seconds=seconds)


def in_a_slice(per_second: float) -> int:
    """How many hand-overs begin together: as many as still fit into every second."""
    most = max(1, int(per_second * SLICE))
    whole = ceil(per_second)
    return next((size for size in range(most, 1, -1) if size * ceil(per_second * MARGIN / size) <= whole), 1)


def succeeded(session: Session, row: ChannelStateRow, now: datetime) -> None:
    """The far end took something over."""
    row.succeeded_at = now
    row.resume_at = row.busy_since = None
    if row.failures:
        row.failures = 0
        store.clear_alarm(session, f"channel:{row.channel}")
        store.clear_alarm(session, f"busy:{row.channel}")
        audit.note(
            session, at=now, actor=audit.ENGINE, action="channel.recovered", subject=f"channel:{row.channel}"
        )


def failed(
    session: Session, row: ChannelStateRow, message: str, now: datetime, *, person_needed: bool
) -> None:
    """The far end is down, or a person must act: the lane pauses and the alarm goes on."""
    row.failures += 1
    pause = min(timedelta(seconds=2 ** min(row.failures - 1, 6)), LONGEST_PAUSE)
    row.resume_at = now + (MISCONFIGURED_PAUSE if person_needed else pause)
    if store.raise_alarm(session, f"channel:{row.channel}", message, now):
        audit.note(
            session,
            at=now,
            actor=audit.ENGINE,
            action="channel.failed",
            subject=f"channel:{row.channel}",
            detail={"message": message, "person_needed": person_needed},
        )
