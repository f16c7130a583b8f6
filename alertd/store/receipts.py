"""Receipts: what was said of deliveries, and what the rows of deliveries make of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Table,
    and_,
    case,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from alertd.alert import Severity
from alertd.channel import Outcome, Phase, Reason, Receipt
from alertd.delivery import ATTEMPT, NOTHING_KNOWN, Next, Word, outcome_rank
from alertd.dispatch import State
from alertd.redact import kept
from alertd.store.claims import TO_BE_HANDED
from alertd.tables import (
    ContactRow,
    DeliveryRow,
    DispatchRow,
    ReceiptRow,
    RecipientRow,
)

#: the detail of what the engine concludes by itself
OWN_WORD = "said by the engine"
#: what is said of a delivery whose channel an operator has stopped
HALTED = "its channel was stopped by an operator"

_RECEIPTS = cast(Table, ReceiptRow.__table__)
#: phases of an airing that say how it goes and not what became of it
_UNDER_WAY = tuple(phase for phase in Phase if phase.under_way)


def conclude(session: Session, owner: str, following: Next, ids: Sequence[int]) -> frozenset[int]:
    """Writes what is known of these deliveries and ends their lease, fenced by owner and attempt.

    Returns those that took it; of the others more is known already, or they are no
    longer ours.
    """
    word = following.word
    looked_at = case((DeliveryRow.handed_at.is_(None), DeliveryRow.attempt))
    taken = session.scalars(
        update(DeliveryRow)
        .where(
            DeliveryRow.id.in_(ids),
            DeliveryRow.owner == owner,
            DeliveryRow.attempt == word.attempt,
            DeliveryRow.standing < word.rank,
            DeliveryRow.due_at.is_not(None),
        )
        .values(
            standing=word.rank,
            outcome=word.outcome,
            reason=word.reason,
            answer=word.answer,
            spared=following.spared,
            due_at=following.look_at,
            handed_at=DeliveryRow.handed_at if following.handed else None,
            turn=looked_at if following.handed else DeliveryRow.attempt,
            owner=None,
            claimed_until=None,
        )
        .returning(DeliveryRow.id)
        .execution_options(synchronize_session=False)
    )
    return frozenset(taken)


def add_receipts(session: Session, rows: Sequence[tuple[int, int, Receipt]], now: datetime) -> None:
    """Appends what was said: (delivery, attempt, receipt)."""
    if rows:
        session.execute(
            # the table and not its class, which would make a statement for each row, by what it has and has not
            insert(_RECEIPTS),
            [
                {
                    "delivery_id": delivery_id,
                    "attempt": attempt,
                    "outcome": receipt.outcome,
                    "reason": receipt.reason,
                    "answer": receipt.answer,
                    "ref": receipt.ref[:200] if receipt.ref else None,
                    "detail": kept(receipt.detail),
                    "phase": receipt.phase,
                    "received_at": now,
                }
                for delivery_id, attempt, receipt in rows
            ],
        )


def add_visit(
    session: Session, delivery_id: int, attempt: int, receipt: Receipt, said_by: int, now: datetime
) -> None:
    """Appends what an operator says came of a visit at the door."""
    session.execute(
        insert(ReceiptRow).values(
            delivery_id=delivery_id,
            attempt=attempt,
            outcome=receipt.outcome,
            reason=receipt.reason,
            answer=receipt.answer,
            detail=receipt.detail,
            said_by=said_by,
            received_at=now,
        )
    )


def withdraw_visits(session: Session, delivery_id: int, now: datetime) -> None:
    """What earlier visits said counts no more; it stays to be read."""
    session.execute(
        update(ReceiptRow)
        .where(
            ReceiptRow.delivery_id == delivery_id,
            ReceiptRow.said_by.is_not(None),
            ReceiptRow.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
        .execution_options(synchronize_session=False)
    )


def locked_delivery(session: Session, number: int) -> DeliveryRow | None:
    """One delivery that nobody else can change until the transaction ends."""
    return session.get(DeliveryRow, number, with_for_update=True, populate_existing=True)


def locked_deliveries(session: Session, numbers: Collection[int]) -> dict[int, DeliveryRow]:
    """These deliveries, as `locked_delivery`; in one order, so that two servers never wait for each other."""
    rows = session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.id.in_(sorted(numbers)))
        .order_by(DeliveryRow.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """A delivery as its callbacks need it."""

    channel: str
    dispatch_id: int
    contact_id: int
    language: str
    attempt: int
    due_at: datetime | None
    state: State
    address: str
    #: the contact and its recipient may still be reached
    usable: bool


def handed_over(session: Session, number: int) -> HandedOver | None:
    """One delivery with its address and the state of its dispatch."""
    row = session.execute(
        select(
            DeliveryRow.channel,
            DeliveryRow.dispatch_id,
            DeliveryRow.contact_id,
            DeliveryRow.language,
            DeliveryRow.attempt,
            DeliveryRow.due_at,
            DispatchRow.state,
            ContactRow.address,
            and_(ContactRow.active, RecipientRow.active).label("usable"),
        )
        .join(DispatchRow, DispatchRow.id == DeliveryRow.dispatch_id)
        .join(ContactRow, ContactRow.id == DeliveryRow.contact_id)
        .join(RecipientRow, RecipientRow.id == ContactRow.recipient_id)
        .where(DeliveryRow.id == number)
    ).one_or_none()
    return HandedOver(**row._asdict()) if row is not None else None


def receipts(session: Session, delivery_id: int) -> Sequence[ReceiptRow]:
    """Everything that was said of a delivery, in the order of its coming."""
    return session.scalars(
        select(ReceiptRow).where(ReceiptRow.delivery_id == delivery_id).order_by(ReceiptRow.id)
    ).all()


def words_of(session: Session, numbers: Collection[int]) -> dict[int, set[Word]]:
    """What was said of each of these deliveries, as words that can be folded."""
    said: dict[int, set[Word]] = {number: set() for number in numbers}
    rows = session.execute(
        select(
            ReceiptRow.delivery_id,
            ReceiptRow.attempt,
            ReceiptRow.outcome,
            ReceiptRow.reason,
            ReceiptRow.answer,
        ).where(
            ReceiptRow.delivery_id.in_(sorted(said)),
            ReceiptRow.withdrawn_at.is_(None),
            or_(ReceiptRow.phase.is_(None), ReceiptRow.phase.not_in(_UNDER_WAY)),
        )
    )
    for number, attempt, outcome, reason, answer in rows:
        said[number].add(Word(attempt, outcome, reason, answer))
    return said


def said_of(session: Session, delivery_id: int, attempt: int) -> bool:
    """Whether anything was said of one hand-over."""
    return bool(
        session.scalar(
            select(exists().where(ReceiptRow.delivery_id == delivery_id, ReceiptRow.attempt == attempt))
        )
    )


def last_ref(session: Session, delivery_id: int, attempt: int) -> str | None:
    """The far end's name for one hand-over, when it was told."""
    return session.scalar(
        select(ReceiptRow.ref)
        .where(
            ReceiptRow.delivery_id == delivery_id, ReceiptRow.attempt == attempt, ReceiptRow.ref.is_not(None)
        )
        .order_by(ReceiptRow.id.desc())
        .limit(1)
    )


def supersede(session: Session, older_id: int, newer_id: int, detail: str, now: datetime) -> int:
    """Stops a dispatch for the addresses that a newer one calls; returns how many attempts it ended.

    What has been handed over already is left to its end; `superseded` stops what would
    follow.
    """
    session.execute(
        update(DispatchRow)
        .where(DispatchRow.id == older_id)
        .values(superseded_by_id=newer_id)
        .execution_options(synchronize_session=False)
    )
    return close_open(session, older_id, Outcome.CANCELLED, detail, now, also=_called_by(newer_id))


def superseded(session: Session, newer_id: int, ids: Sequence[int]) -> frozenset[int]:
    """Those of these deliveries whose address a newer dispatch calls over the same channel."""
    return frozenset(
        session.scalars(select(DeliveryRow.id).where(DeliveryRow.id.in_(ids), _called_by(newer_id)))
    )


def _called_by(newer_id: int) -> ColumnElement[bool]:
    newer, theirs, ours = aliased(DeliveryRow), aliased(ContactRow), aliased(ContactRow)
    return (
        select(newer.id)
        .join(theirs, theirs.id == newer.contact_id)
        .join(ours, ours.address_key == theirs.address_key)
        .where(
            newer.dispatch_id == newer_id,
            newer.channel == DeliveryRow.channel,
            ours.id == DeliveryRow.contact_id,
        )
        .correlate(DeliveryRow)
        .exists()
    )


def hold(session: Session, channel: str, priority: int, until: datetime, now: datetime) -> int:
    """Lets what is due on a channel and less urgent than `priority` wait; returns how much that was."""
    waiting_ones = (
        DeliveryRow.channel == channel,
        DeliveryRow.priority % len(Severity) > priority,
        DeliveryRow.due_at <= now,
        DeliveryRow.due_at.is_not(None),
        *TO_BE_HANDED,
        or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
    )
    word = Word(0, Outcome.DEFERRED, Reason.QUIET_HOURS)
    _say_of_all(session, waiting_ones, word, "waits for the morning", now)
    result = session.execute(
        update(DeliveryRow)
        .where(*waiting_ones)
        .values(
            standing=DeliveryRow.attempt * ATTEMPT + word.rank,
            outcome=word.outcome,
            reason=word.reason,
            due_at=until,
        )
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount


def other_refs(session: Session, delivery_id: int, attempt: int, contact_id: int) -> frozenset[str]:
    """The far end's names for every other hand-over to a contact."""
    rows = session.scalars(
        select(ReceiptRow.ref)
        .join(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery_id)
        .where(
            DeliveryRow.contact_id == contact_id,
            ReceiptRow.ref.is_not(None),
            or_(ReceiptRow.delivery_id != delivery_id, ReceiptRow.attempt != attempt),
        )
        .order_by(ReceiptRow.id.desc())
        .limit(200)
    )
    return frozenset(ref for ref in rows if ref is not None)


def close_open(
    session: Session,
    dispatch_id: int,
    outcome: Outcome,
    detail: str,
    now: datetime,
    *,
    channel: str | None = None,
    also: ColumnElement[bool] | None = None,
) -> int:
    """Ends every delivery of a dispatch that has not been handed over: cancelled or expired.

    Only those of `channel`, and that are `also`, when these are given.
    """
    open_ones = [
        DeliveryRow.dispatch_id == dispatch_id,
        DeliveryRow.due_at.is_not(None),
        DeliveryRow.handed_at.is_(None),
    ]
    if channel is not None:
        open_ones.append(DeliveryRow.channel == channel)
    if also is not None:
        open_ones.append(also)
    _say_of_all(session, open_ones, Word(0, outcome), detail, now)
    result = session.execute(
        update(DeliveryRow)
        .where(*open_ones)
        .values(
            standing=DeliveryRow.attempt * ATTEMPT + outcome_rank(outcome),
            outcome=outcome,
            reason=None,
            due_at=None,
        )
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount


def reopen(
    session: Session, dispatch_id: int, channel: str, details: Collection[str], since: datetime, now: datetime
) -> int:
    """What was cancelled on a channel with one of these words since then is due again; returns how much.

    Those words count no more; they stay to be read.
    """
    said = (
        ReceiptRow.outcome == Outcome.CANCELLED,
        ReceiptRow.detail.in_(details),
        ReceiptRow.received_at >= since,
        ReceiptRow.withdrawn_at.is_(None),
    )
    ended = (
        DeliveryRow.dispatch_id == dispatch_id,
        DeliveryRow.channel == channel,
        DeliveryRow.outcome == Outcome.CANCELLED,
        DeliveryRow.due_at.is_(None),
    )
    result = session.execute(
        update(DeliveryRow)
        .where(*ended, exists().where(ReceiptRow.delivery_id == DeliveryRow.id, *said))
        .values(
            standing=DeliveryRow.attempt * ATTEMPT + NOTHING_KNOWN,
            outcome=None,
            reason=None,
            handed_at=None,
            turn=DeliveryRow.attempt,
            due_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    of_channel = select(DeliveryRow.id).where(
        DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.channel == channel
    )
    session.execute(
        update(ReceiptRow)
        .where(ReceiptRow.delivery_id.in_(of_channel), *said)
        .values(withdrawn_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", result).rowcount


def _say_of_all(
    session: Session, which: Sequence[ColumnElement[bool]], word: Word, detail: str, now: datetime
) -> None:
    """The engine's own receipt, in the present attempt of each of these deliveries."""
    session.execute(
        insert(ReceiptRow).from_select(
            ["delivery_id", "attempt", "outcome", "reason", "detail", "received_at"],
            select(
                DeliveryRow.id,
                DeliveryRow.attempt,
                literal(word.outcome, ReceiptRow.outcome.type),
                literal(word.reason, ReceiptRow.reason.type),
                literal(detail),
                literal(now, ReceiptRow.received_at.type),
            ).where(*which),
            include_defaults=False,
        )
    )
