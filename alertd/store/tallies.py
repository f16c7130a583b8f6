"""Tallies: what became of a dispatch, counted by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    and_,
    case,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session

from alertd.channel import Answer, Outcome, Reason
from alertd.tables import (
    ContactRow,
    DeliveryRow,
    ReceiptRow,
    RecipientRow,
    TakingRow,
)


@dataclass(frozen=True, slots=True)
class Count:
    """How many deliveries of a channel have one outcome for one reason."""

    channel: str
    outcome: Outcome | None
    reason: Reason | None
    answer: Answer | None
    deliveries: int
    #: of them, those that will be looked at again
    due: int


def tally(session: Session, dispatch_id: int) -> list[Count]:
    """What became of a dispatch, from one query: every delivery is counted once."""
    rows = session.execute(
        select(
            DeliveryRow.channel,
            DeliveryRow.outcome,
            DeliveryRow.reason,
            DeliveryRow.answer,
            func.count(),
            func.count(DeliveryRow.due_at),
        )
        .where(DeliveryRow.dispatch_id == dispatch_id)
        .group_by(DeliveryRow.channel, DeliveryRow.outcome, DeliveryRow.reason, DeliveryRow.answer)
    )
    return [Count(*row) for row in rows]


def met_at_the_door(session: Session, dispatch_id: int) -> Mapping[str, int]:
    """How many deliveries of each channel were answered at the door, and not over the channel."""
    rows = session.execute(
        select(DeliveryRow.channel, func.count())
        .where(
            # not by the index of dispatches: from the few visits to their deliveries
            DeliveryRow.dispatch_id + 0 == dispatch_id,
            DeliveryRow.outcome == Outcome.ACKNOWLEDGED,
            DeliveryRow.id.in_(select(TakingRow.delivery_id).where(TakingRow.visited_at.is_not(None))),
            ~exists().where(
                ReceiptRow.delivery_id == DeliveryRow.id,
                ReceiptRow.outcome.in_((Outcome.DELIVERED, Outcome.ACKNOWLEDGED)),
                ReceiptRow.said_by.is_(None),
            ),
        )
        .group_by(DeliveryRow.channel)
    )
    return {name: met for name, met in rows}


@dataclass(frozen=True, slots=True)
class Open:
    """How many deliveries of a channel will be looked at again."""

    channel: str
    deliveries: int


def open_by_channel(session: Session, dispatch_id: int) -> list[Open]:
    """What is still open of a dispatch."""
    rows = session.execute(
        select(DeliveryRow.channel, func.count())
        .where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.due_at.is_not(None))
        .group_by(DeliveryRow.channel)
    )
    return [Open(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Answers:
    """How many hand-overs of a channel have ended, and how many of them somebody or something answered."""

    concluded: int
    answered: int


def answers(session: Session, dispatch_id: int, channel: str) -> Answers:
    """How a dispatch has been answered so far, by attempt."""
    picked_up = or_(
        ReceiptRow.outcome.in_((Outcome.DELIVERED, Outcome.ACKNOWLEDGED)),
        ReceiptRow.reason.in_((Reason.MACHINE, Reason.HUNG_UP)),
    )
    attempts = (
        select(func.max(case((picked_up, 1), else_=0)).label("answered"))
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(
            DeliveryRow.dispatch_id == dispatch_id,
            DeliveryRow.channel == channel,
            ReceiptRow.attempt > 0,
            ReceiptRow.said_by.is_(None),
            ReceiptRow.outcome.in_(
                (Outcome.DELIVERED, Outcome.ACKNOWLEDGED, Outcome.DEFERRED, Outcome.FAILED)
            ),
            or_(ReceiptRow.reason.is_(None), ReceiptRow.reason != Reason.RATE_LIMITED),
        )
        .group_by(ReceiptRow.delivery_id, ReceiptRow.attempt)
        .subquery()
    )
    concluded, answered = session.execute(
        select(func.count(), func.coalesce(func.sum(attempts.c.answered), 0)).select_from(attempts)
    ).one()
    return Answers(concluded, int(answered))


def addresses(session: Session, contact_ids: Sequence[int]) -> Mapping[int, tuple[str, bool]]:
    """The address of each contact, and whether it may still be used."""
    rows = session.execute(
        select(ContactRow.id, ContactRow.address, and_(ContactRow.active, RecipientRow.active))
        .join(RecipientRow, RecipientRow.id == ContactRow.recipient_id)
        .where(ContactRow.id.in_(contact_ids))
    )
    return {number: (address, bool(usable)) for number, address, usable in rows}
