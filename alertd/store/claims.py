"""Claims: leasing due deliveries, marking the hand-over, giving back. Fenced by owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from alertd.channel import Outcome
from alertd.store import held
from alertd.store.freezes import open_below
from alertd.store.held import among
from alertd.tables import (
    ClaimRow,
    DeliveryRow,
    DispatchRow,
)

#: how long what strangers held is left to their kin after their lease has lapsed
OF_OTHERS = timedelta(seconds=30)
#: what a correction corrects; made once, for to make it takes longer than to claim
_WRONG = aliased(DeliveryRow)


#: more turns than any delivery has
TURNS = 1_000_000
#: what is to be handed over, and what was and is only to be looked at; each has an index. A PostgreSQL that
#: has not counted a new table yet takes a range for rare, and so reads the index in its order; for
#: `IS NOT NULL` it would sort all that waits
TO_BE_HANDED: tuple[ColumnElement[bool], ...] = (
    DeliveryRow.turn >= 0,
    DeliveryRow.turn < TURNS,
    DeliveryRow.handed_at.is_(None),
)
HANDED: tuple[ColumnElement[bool], ...] = (DeliveryRow.turn.is_(None), DeliveryRow.handed_at.is_not(None))


class Claimed(NamedTuple):
    """A delivery that a drain holds, and what it needs to hand it over. A tuple: thousands are made a second."""

    id: int
    dispatch_id: int
    contact_id: int
    language: str
    attempt: int
    #: of the attempts, those that do not count
    spared: int
    standing: int
    outcome: Outcome | None
    handed_at: datetime | None


def claim(
    session: Session,
    channel: str,
    owner: str,
    *,
    handed: bool,
    limit: int,
    now: datetime,
    until: datetime,
    kin: str = "",
) -> list[Claimed]:
    """Leases due deliveries of a channel: the most urgent first, first attempts before retries.

    `handed` chooses those whose hand-over had begun (ask, or in doubt) or the others
    (hand over). What senders held whose names do not begin with `kin` is left to their own
    for a while longer: they may know what became of it. A correction is not due while what it corrects is in
    somebody's hands, and nothing is handed over that is frozen.
    """
    lapsed = held.surface(session, channel, now) if handed else []
    # no EXISTS: PostgreSQL would read the whole table for it, once for each claim
    being_said = (
        select(_WRONG.id)
        .where(
            _WRONG.id == DeliveryRow.after_id, _WRONG.claimed_until.is_not(None), _WRONG.due_at.is_not(None)
        )
        .scalar_subquery()
    )
    due = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.channel == channel,
            DeliveryRow.due_at.is_not(None),
            DeliveryRow.due_at <= now,
            *(HANDED if handed else TO_BE_HANDED),
            or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
            or_(DeliveryRow.after_id.is_(None), being_said.is_(None)),
        )
        .limit(limit)
    )
    if kin:
        ours = or_(DeliveryRow.owner.is_(None), DeliveryRow.owner.startswith(kin, autoescape=True))
        due = due.where(or_(ours, DeliveryRow.claimed_until <= now - OF_OTHERS))
    if handed:
        due = due.order_by(DeliveryRow.due_at)
    else:
        below = open_below(session, now)
        if not below:
            return []
        due = due.where(DeliveryRow.priority < below)
        due = due.order_by(DeliveryRow.priority, DeliveryRow.turn, DeliveryRow.due_at, DeliveryRow.id)
    if session.get_bind().dialect.name == "postgresql":
        # apart, and so read once: some plans read a subquery for each delivery, and take the next few each time
        due = select(due.with_for_update(skip_locked=True).cte("due").prefix_with("MATERIALIZED").c.id)
    rows = session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(due.scalar_subquery()))
        .values(owner=owner, claimed_until=until)
        .returning(
            DeliveryRow.id,
            DeliveryRow.dispatch_id,
            DeliveryRow.contact_id,
            DeliveryRow.language,
            DeliveryRow.attempt,
            DeliveryRow.spared,
            DeliveryRow.standing,
            DeliveryRow.outcome,
            DeliveryRow.handed_at,
            DeliveryRow.priority,
            DeliveryRow.due_at,
        )
        .execution_options(synchronize_session=False)
    ).all()
    held.note(session, channel, owner, until, [row.id for row in rows])
    held.drop_taken(session, lapsed)
    ordered = sorted(rows, key=lambda row: (row.priority, row.attempt, row.due_at, row.id))
    return [
        Claimed(
            row.id,
            row.dispatch_id,
            row.contact_id,
            row.language,
            row.attempt,
            row.spared,
            row.standing,
            row.outcome,
            row.handed_at,
        )
        for row in ordered
    ]


def renew(session: Session, owner: str, until: datetime) -> None:
    """Keeps the leases of an owner alive.

    What the owner is just writing is left alone: to wait for it could be to wait for each other.
    """
    ids = held.renew(session, owner, until)
    ours = select(DeliveryRow.id).where(among(session, ids), DeliveryRow.owner == owner)
    if session.get_bind().dialect.name == "postgresql":
        ours = ours.with_for_update(skip_locked=True)
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(ours.scalar_subquery()))
        .values(claimed_until=until)
        .execution_options(synchronize_session=False)
    )


def inherit(session: Session, owner: str, now: datetime, *, handed: bool) -> int:
    """Ends the leases of an owner that is dead; how many. `handed` False = not of hand-overs that had begun."""
    whose = (
        among(session, held.by(session, ClaimRow.owner == owner)),
        DeliveryRow.owner == owner,
        DeliveryRow.claimed_until > now,
    )
    begun = () if handed else (DeliveryRow.handed_at.is_(None),)
    freed = session.scalars(
        update(DeliveryRow)
        .where(*whose, *begun)
        .values(claimed_until=now)
        .returning(DeliveryRow.id)
        .execution_options(synchronize_session=False)
    )
    if handed:
        held.lapse(session, owner, now)
    return len(freed.all())


def release(session: Session, owner: str, ids: Sequence[int]) -> None:
    """Gives claimed deliveries back; what was handed over after all is to be looked at."""
    if ids:
        turn = case((DeliveryRow.handed_at.is_(None), DeliveryRow.turn))
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(ids), DeliveryRow.owner == owner)
            .values(owner=None, claimed_until=None, turn=turn)
            .execution_options(synchronize_session=False)
        )


def mark_handed(session: Session, owner: str, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """The hand-over of these begins: after the commit they count as possibly arrived.

    Returns those that may go; the others were stopped, have left, are frozen, or are no longer ours.
    Twice is the same as once: the reply to the first commit may have been lost.
    """
    if not ids or not (below := open_below(session, now)):
        return frozenset()
    beginning = case((DeliveryRow.handed_at.is_(None), 1), else_=0)
    marked = session.scalars(
        update(DeliveryRow)
        .where(
            DeliveryRow.id.in_(ids),
            DeliveryRow.owner == owner,
            DeliveryRow.claimed_until > now,
            DeliveryRow.due_at.is_not(None),
            DeliveryRow.priority < below,
        )
        .values(attempt=DeliveryRow.attempt + beginning, handed_at=now, line_until=None, turn=None)
        .returning(DeliveryRow.id)
        .execution_options(synchronize_session=False)
    )
    return frozenset(marked)


def unmark(session: Session, owner: str, ids: Sequence[int], now: datetime) -> None:
    """These hand-overs surely never began: the far end was down. The attempt does not count."""
    if ids:
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(ids), DeliveryRow.owner == owner, DeliveryRow.handed_at.is_not(None))
            .values(
                attempt=DeliveryRow.attempt - 1,
                turn=DeliveryRow.attempt - 1,
                handed_at=None,
                due_at=now,
                owner=None,
                claimed_until=None,
            )
            .execution_options(synchronize_session=False)
        )


def give_back(session: Session, owner: str, marked_at: datetime, now: datetime) -> None:
    """What was marked for this owner at that very time was never begun: the commit was not answered."""
    session.execute(
        update(DeliveryRow)
        .where(
            among(session, held.by(session, ClaimRow.owner == owner)),
            DeliveryRow.owner == owner,
            DeliveryRow.handed_at == marked_at,
        )
        .values(attempt=DeliveryRow.attempt - 1, handed_at=None, due_at=now, owner=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def hand_over_again(session: Session, owner: str, number: int, now: datetime, *, counts: bool) -> None:
    """A hand-over that surely or possibly did not arrive is due once more.

    `counts` False = it surely never was, so it is no attempt.
    """
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id == number, DeliveryRow.owner == owner, DeliveryRow.due_at.is_not(None))
        .values(
            handed_at=None,
            turn=DeliveryRow.attempt,
            due_at=now,
            spared=DeliveryRow.spared + (0 if counts else 1),
            owner=None,
            claimed_until=None,
        )
        .execution_options(synchronize_session=False)
    )


def postpone(session: Session, owner: str, number: int, until: datetime) -> None:
    """Looks at a claimed delivery later; nothing new is known of it."""
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id == number, DeliveryRow.owner == owner, DeliveryRow.due_at.is_not(None))
        .values(due_at=until, owner=None, claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def waiting(session: Session, channel: str, now: datetime) -> bool:
    """Whether a channel has deliveries to hand over that nobody holds and nothing freezes."""
    below = open_below(session, now)
    return bool(below) and bool(
        session.scalar(
            select(
                exists().where(
                    DeliveryRow.channel == channel,
                    DeliveryRow.priority < below,
                    DeliveryRow.due_at <= now,
                    DeliveryRow.due_at.is_not(None),
                    *TO_BE_HANDED,
                    or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
                )
            )
        )
    )


def handed_open(session: Session, channel: str) -> bool:
    """Whether anything that was handed over on a channel is still to be looked at."""
    looked_at = exists().where(DeliveryRow.channel == channel, DeliveryRow.due_at.is_not(None), *HANDED)
    return bool(session.scalar(select(or_(looked_at, exists().where(ClaimRow.channel == channel)))))


def overdue(session: Session, channel: str, now: datetime) -> bool:
    """Whether a channel has hand-overs to look at again that nobody holds."""
    looked_at = exists().where(
        DeliveryRow.channel == channel,
        DeliveryRow.due_at <= now,
        DeliveryRow.due_at.is_not(None),
        *HANDED,
        or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
    )
    lapsed = exists().where(ClaimRow.channel == channel, ClaimRow.until <= now)
    return bool(session.scalar(select(or_(looked_at, lapsed))))


def due_since(session: Session, channel: str) -> datetime | None:
    """When the longest waiting delivery of a channel became due."""
    return session.scalar(
        select(func.min(DeliveryRow.due_at)).where(
            DeliveryRow.channel == channel, DeliveryRow.due_at.is_not(None)
        )
    )


def lines_in_use(session: Session, channel: str, now: datetime) -> int:
    """Hand-overs of a channel that are under way, will be at once, or still hold their line."""
    under_way = (DeliveryRow.due_at.is_not(None), *HANDED)
    at_once = (
        among(session, held.by(session, ClaimRow.channel == channel)),
        DeliveryRow.owner.is_not(None),
        DeliveryRow.claimed_until > now,
        DeliveryRow.handed_at.is_(None),
        DeliveryRow.due_at.is_not(None),
    )
    busy = (DeliveryRow.line_until.is_not(None), DeliveryRow.line_until > now)
    counts = (
        select(func.count()).select_from(DeliveryRow).where(DeliveryRow.channel == channel, *which)
        for which in (under_way, at_once, busy)
    )
    return sum(session.scalar(count) or 0 for count in counts)


def look_at_once(session: Session, dispatch_id: int, channel: str, now: datetime) -> None:
    """What is under way of a dispatch is looked at again without delay."""
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.channel == channel,
            DeliveryRow.due_at.is_not(None),
            DeliveryRow.handed_at.is_not(None),
        )
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )


def begun(session: Session, dispatch_ids: Iterable[int], now: datetime) -> None:
    """Notes when a dispatch was first handed over."""
    session.execute(
        update(DispatchRow)
        .where(DispatchRow.id.in_(list(dispatch_ids)), DispatchRow.first_at.is_(None))
        .values(first_at=now)
        .execution_options(synchronize_session=False)
    )
