"""The lane: what all workers together know of one channel — its pace, its owner, its health."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from alertd import audit, store
from alertd.channel import Pace
from alertd.tables import ChannelStateRow

#: the longest pause after a far end was found down
LONGEST_PAUSE = timedelta(seconds=30)
#: the pause when a person must act first
MISCONFIGURED_PAUSE = timedelta(seconds=60)
#: how many seconds of a pace may be begun at once
BURST = 0.5


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


def allowance(session: Session, row: ChannelStateRow, pace: Pace | None, wanted: int, now: datetime) -> int:
    """How many hand-overs may begin now by the pace and the lines that are free."""
    if pace is None:
        return wanted
    if pace.in_flight is not None:
        wanted = min(wanted, pace.in_flight - store.lines_in_use(session, row.channel))
    next_at = row.next_at or now
    if wanted <= 0 or next_at > now:
        return 0
    begin = max(next_at, now - timedelta(seconds=BURST))
    by_pace = 1 + int((now - begin).total_seconds() * pace.per_second)
    return min(wanted, by_pace)


def spend(row: ChannelStateRow, pace: Pace | None, begun: int, now: datetime) -> None:
    """Moves the time of the next hand-over on."""
    if pace is not None and begun:
        begin = max(row.next_at or now, now - timedelta(seconds=BURST))
        row.next_at = begin + timedelta(seconds=begun / pace.per_second)


def succeeded(session: Session, row: ChannelStateRow, now: datetime) -> None:
    """The far end took something over."""
    row.succeeded_at, row.resume_at = now, None
    if row.failures:
        row.failures = 0
        store.clear_alarm(session, f"channel:{row.channel}")
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
