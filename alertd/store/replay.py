"""What changed of a dispatch in each second, counted by the database from the receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from alertd.channel import Answer, Outcome, Reason
from alertd.delivery import ATTEMPT, GOOD_NEWS, Word
from alertd.store.instants import moment, ticks
from alertd.tables import DeliveryRow, ReceiptRow

#: outcomes whose rank depends on attempt and reason
_BY_ATTEMPT = (
    Outcome.ACCEPTED,
    Outcome.UNKNOWN,
    Outcome.DEFERRED,
    Outcome.FAILED,
    Outcome.EXPIRED,
    Outcome.CANCELLED,
)
_DELIVERED = Word(0, Outcome.DELIVERED).rank
_ACKNOWLEDGED = Word(0, Outcome.ACKNOWLEDGED).rank
_HELP = Word(0, Outcome.ACKNOWLEDGED, answer=Answer.HELP).rank


@dataclass(frozen=True, slots=True)
class Change:
    """In one second so many deliveries of a channel went from one outcome to another."""

    at: datetime
    channel: str
    #: None = nothing was known of them
    before: Outcome | None
    after: Outcome
    #: whether they called for help, before and after
    help_before: bool
    help_after: bool
    deliveries: int


def changes(session: Session, dispatch_id: int, *, until: datetime | None = None) -> Sequence[Change]:
    """What became known before `until`, second by second: the receipt of the highest rank speaks.

    The database ranks receipts as `alertd.delivery` does, so that a million of them make
    a row for each second and channel.
    """
    rank = _rank()
    earlier = func.max(rank).over(
        partition_by=ReceiptRow.delivery_id,
        order_by=(ReceiptRow.received_at, ReceiptRow.id),
        rows=(None, -1),
    )
    heard = (
        select(
            DeliveryRow.channel,
            ticks(session, ReceiptRow.received_at, 1).label("second"),
            rank.label("rank"),
            earlier.label("before"),
        )
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == dispatch_id)
    )
    if until is not None:
        heard = heard.where(ReceiptRow.received_at < until)
    one = heard.subquery()
    before, after = _standing(one.c.before), _standing(one.c.rank)
    rows = session.execute(
        select(one.c.second, one.c.channel, before, after, func.count())
        .where((one.c.before.is_(None)) | (one.c.rank > one.c.before))
        .group_by(one.c.second, one.c.channel, before, after)
        .order_by(one.c.second)
    )
    return [
        Change(
            at=moment(second, 1),
            channel=channel,
            before=_outcome(old) if old is not None else None,
            after=_outcome(new),
            help_before=old == _HELP,
            help_after=new == _HELP,
            deliveries=count,
        )
        for second, channel, old, new, count in rows
    ]


def heard_between(
    session: Session, dispatch_id: int, at: datetime, after: datetime
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """The last receipt before `at`, the first one from `after` on, and the last of all."""
    said = ReceiptRow.received_at
    before = func.max(case((said < at, said)), type_=said.type)
    later = func.min(case((said >= after, said)), type_=said.type)
    earlier, following, last = session.execute(
        select(before, later, func.max(said))
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(DeliveryRow.dispatch_id == dispatch_id)
    ).one()
    return earlier, following, last


def _rank() -> ColumnElement[int]:
    """`Word.rank` of a receipt, as the database computes it: read off the same table of ranks."""
    by_attempt = [
        (
            and_(ReceiptRow.outcome == outcome, _same(reason)),
            Word(0, outcome, reason).rank,
        )
        for outcome in _BY_ATTEMPT
        for reason in (None, *Reason)
    ]
    answers = [(ReceiptRow.answer == one, Word(0, Outcome.ACKNOWLEDGED, answer=one).rank) for one in Answer]
    return case(
        (ReceiptRow.outcome == Outcome.DELIVERED, _DELIVERED),
        (ReceiptRow.outcome == Outcome.ACKNOWLEDGED, case(*answers, else_=_ACKNOWLEDGED)),
        else_=ReceiptRow.attempt * ATTEMPT + case(*by_attempt, else_=0),
    )


def _same(reason: Reason | None) -> ColumnElement[bool]:
    return ReceiptRow.reason.is_(None) if reason is None else ReceiptRow.reason == reason


def _standing(rank: ColumnElement[int]) -> ColumnElement[int]:
    """What a rank says, without attempt and reason; good news, and a call for help, as they are."""
    return case(
        (rank >= _HELP, _HELP),
        (rank >= _ACKNOWLEDGED, _ACKNOWLEDGED),
        (rank >= GOOD_NEWS, _DELIVERED),
        else_=(rank % ATTEMPT) // 100,
    )


def _outcome(standing: int) -> Outcome:
    if standing >= _ACKNOWLEDGED:
        return Outcome.ACKNOWLEDGED
    if standing >= GOOD_NEWS:
        return Outcome.DELIVERED
    # a hand-over in doubt has a rank of its own, below all others of its attempt
    return _BY_ATTEMPT[standing - 1] if standing else Outcome.UNKNOWN
