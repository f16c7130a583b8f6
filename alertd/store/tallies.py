"""Tallies: what became of a dispatch, counted by the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Executable,
    and_,
    case,
    exists,
    func,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from alertd.channel import Answer, Outcome, Reason
from alertd.delivery import Word
from alertd.store.frontier import Frontier
from alertd.tables import (
    ContactRow,
    DeliveryRow,
    DispatchRow,
    ReceiptRow,
    RecipientRow,
    TakingRow,
)

#: deliveries whose receipts are read in one query
_AT_ONCE = 500


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


def tally(session: Session, dispatch_id: int, channels: Collection[str] | None = None) -> list[Count]:
    """What became of a dispatch, or of these channels of it, from one query: every delivery is counted once.

    Those of which nothing was said are mostly the many: counted by themselves, they need no comparing.
    """
    if channels is None:
        channels = session.scalar(select(DispatchRow.channels).where(DispatchRow.id == dispatch_id)) or ()
    # each named, so that both find their own part of the index
    which = (DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.channel.in_(channels))
    said = select(*_PLACE, *_NUMBERS).where(*which, DeliveryRow.outcome.in_(Outcome)).group_by(*_PLACE)
    pending = (
        select(DeliveryRow.channel, null(), null(), null(), *_NUMBERS)
        .where(*which, DeliveryRow.outcome.is_(None))
        .group_by(DeliveryRow.channel)
    )
    return _counts(session, union_all(said, pending))


def tally_beyond(
    session: Session, dispatch_id: int, channels: Collection[str], seen: Frontier
) -> list[Count]:
    """The same, of the deliveries that were planned beyond a frontier."""
    # by number, and not by the index of the dispatch
    which = (DeliveryRow.dispatch_id + 0 == dispatch_id, DeliveryRow.channel.in_(channels))
    query = select(*_PLACE, *_NUMBERS).where(*which, seen.beyond(DeliveryRow.id)).group_by(*_PLACE)
    return _counts(session, query)


_PLACE = (DeliveryRow.channel, DeliveryRow.outcome, DeliveryRow.reason, DeliveryRow.answer)
_NUMBERS = (func.count(), func.count(DeliveryRow.due_at))


def _counts(session: Session, query: Executable) -> list[Count]:
    rows: Iterable[Any] = session.execute(query)
    return [Count(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Changed:
    """Deliveries of which something was said beyond a frontier, as they are now."""

    count: Count
    #: the one receipt that there was of each before; None = there was none
    before: Word | None
    #: the one delivery that this is, when several things had been said of it before
    delivery: int | None


def changed(
    session: Session, dispatch_id: int, channels: Collection[str], planned: Frontier, said: Frontier
) -> list[Changed]:
    """Deliveries planned within one frontier of which something was said beyond another one."""
    # by the number of the receipt, and not along the index of deliveries
    about = (ReceiptRow.delivery_id + 0).label("delivery_id")
    fresh = select(about).where(said.beyond(ReceiptRow.id)).distinct().cte("fresh")
    receipts = func.count(ReceiptRow.id)
    past = (
        select(
            fresh.c.delivery_id,
            func.min(ReceiptRow.attempt).label("attempt"),
            func.min(ReceiptRow.outcome).label("outcome"),
            func.min(ReceiptRow.reason).label("reason"),
            func.min(ReceiptRow.answer).label("answer"),
            case((or_(receipts > 1, func.count(ReceiptRow.withdrawn_at) > 0), fresh.c.delivery_id)).label(
                "one"
            ),
        )
        .outerjoin(
            ReceiptRow, and_(ReceiptRow.delivery_id == fresh.c.delivery_id, said.within(ReceiptRow.id))
        )
        .group_by(fresh.c.delivery_id)
        .cte("past")
    )
    now = (DeliveryRow.channel, DeliveryRow.outcome, DeliveryRow.reason, DeliveryRow.answer)
    # of one that has several receipts, all of them are read
    then = [case((past.c.one.is_(None), column)) for column in list(past.c)[1:5]]
    rows = session.execute(
        select(*now, func.count(), func.count(DeliveryRow.due_at), *then, past.c.one)
        .select_from(past)
        .join(DeliveryRow, DeliveryRow.id == past.c.delivery_id)
        .where(
            DeliveryRow.dispatch_id + 0 == dispatch_id,
            DeliveryRow.channel.in_(channels),
            planned.within(DeliveryRow.id),
        )
        .group_by(*now, *then, past.c.one)
    )
    return [
        Changed(Count(*row[:6]), Word(*row[6:10]) if row[6] is not None else None, row[10]) for row in rows
    ]


def said_within(
    session: Session, numbers: Collection[int], said: Frontier
) -> tuple[dict[int, set[Word]], bool]:
    """What was said of each of these deliveries within a frontier; and whether some of it was withdrawn since."""
    words: dict[int, set[Word]] = {number: set() for number in numbers}
    withdrawn = False
    ordered = sorted(words)
    for begin in range(0, len(ordered), _AT_ONCE):
        rows = session.execute(
            select(
                ReceiptRow.delivery_id,
                ReceiptRow.attempt,
                ReceiptRow.outcome,
                ReceiptRow.reason,
                ReceiptRow.answer,
                ReceiptRow.withdrawn_at,
            ).where(ReceiptRow.delivery_id.in_(ordered[begin : begin + _AT_ONCE]), said.within(ReceiptRow.id))
        )
        for number, attempt, outcome, reason, answer, withdrawn_at in rows:
            withdrawn |= withdrawn_at is not None
            words[number].add(Word(attempt, outcome, reason, answer))
    return words, withdrawn


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
