"""Queues: what waits on a channel, and what is in somebody's hands, counted from the indexes alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd.store import held
from alertd.store.claims import HANDED, TO_BE_HANDED
from alertd.store.held import among
from alertd.tables import ClaimRow, DeliveryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One channel's deliveries that are due now, and those that are leased."""

    due: int
    #: since when the longest waiting one is due; None = nothing is
    oldest_at: datetime | None
    leased: int
    #: when the last lease ends that still runs
    leased_until: datetime | None
    #: their lease has run out, and nobody has looked at them since
    lapsed: int


def queue(session: Session, channel: str, now: datetime) -> Queue:
    """What waits on a channel, whichever dispatch it is of."""
    # each half has an index of its own, which a count over both would not use
    halves = [
        session.execute(
            select(func.count(), func.min(DeliveryRow.due_at)).where(
                DeliveryRow.channel == channel,
                DeliveryRow.due_at.is_not(None),
                DeliveryRow.due_at <= now,
                *(HANDED if handed else TO_BE_HANDED),
            )
        ).one()
        for handed in (False, True)
    ]
    runs = DeliveryRow.claimed_until > now
    leased, until, lapsed = session.execute(
        select(
            func.count().filter(runs),
            func.max(DeliveryRow.claimed_until).filter(runs),
            func.count().filter(DeliveryRow.claimed_until <= now, DeliveryRow.due_at.is_not(None)),
        ).where(
            among(session, held.by(session, ClaimRow.channel == channel)),
            DeliveryRow.owner.is_not(None),
        )
    ).one()
    return Queue(
        due=sum(number for number, _ in halves),
        oldest_at=min((oldest for _, oldest in halves if oldest is not None), default=None),
        leased=leased,
        leased_until=until,
        lapsed=lapsed,
    )
