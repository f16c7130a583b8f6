"""A visit at the door: its result enters the ledger as a person's word, beside what the channels say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from alertd import receive, store, taking
from alertd.channel import Answer, Outcome, Reason, Receipt
from alertd.delivery import GOOD_NEWS, Word, fold
from alertd.dispatch import Person, State
from alertd.errors import NotFound
from alertd.site import Site
from alertd.tables import DeliveryRow, DispatchRow, OperatorRow, RecipientRow, TakingRow
from alertd.taking import Visit

#: what a person who was met has thereby answered
_ANSWER = {
    Visit.SAFE: Answer.UNDERSTOOD,
    Visit.EVACUATED: Answer.EVACUATING,
    Visit.STAYING: Answer.STAYING,
    Visit.NEEDS_HELP: Answer.HELP,
}


def visited(
    session: Session, site: Site, delivery_id: int, person: Person, result: Visit, note: str, now: datetime
) -> None:
    """Enters what came of a visit into the ledger of the delivery, as a person's word.

    Who was met counts as having answered: no more calls. An empty house changes nothing:
    calls that are still to come are made. Of several visits the last one speaks, so that
    a slip of the pen can be put right; what a channel said stands in any case. Raises
    NotFound, and MoveRefused for a trainee at a real alert.
    """
    row = taking.delivery_for(session, delivery_id, person)
    taking.take(session, delivery_id, person, now)
    _forget_visits(session, row, now)
    taken = session.get_one(TakingRow, delivery_id)
    taken.result, taken.note, taken.visited_at = result, note[:500] or None, now
    said = f"visited: {result}"
    if result is Visit.ABSENT:
        # of attempt 0: less than anything that a channel says
        nobody = Receipt(key="", outcome=Outcome.UNKNOWN, reason=Reason.NO_ANSWER, detail=said)
        store.add_visit(session, delivery_id, 0, nobody, person.id, now)
    else:
        met = Receipt(key="", outcome=Outcome.ACKNOWLEDGED, answer=_ANSWER[result], detail=said)
        store.add_visit(session, delivery_id, row.attempt, met, person.id, now)
        receive.settle(session, site, delivery_id, now)
    taking.note(session, now, person, "visit.entered", row, result=result)


def way_to(session: Session, dispatch_id: int, recipient_id: int) -> int:
    """The delivery that a visit to this recipient belongs to. Raises NotFound.

    That is the call for help, else the one for which somebody went before, else the last.
    """
    found = session.scalar(
        select(DeliveryRow.id)
        .outerjoin(TakingRow, TakingRow.delivery_id == DeliveryRow.id)
        .where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.recipient_id == recipient_id)
        .order_by(
            case((DeliveryRow.answer == Answer.HELP, 0), (TakingRow.delivery_id.is_not(None), 1), else_=2),
            DeliveryRow.id.desc(),
        )
        .limit(1)
    )
    if found is None:
        raise NotFound(f"dispatch {dispatch_id} has nobody of the number {recipient_id}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """What came of one visit."""

    recipient_id: int
    name: str
    result: Visit
    visited_at: datetime
    #: the operator who looked after it
    by: str


def visits(session: Session, dispatch_id: int, limit: int) -> list[Visited]:
    """The results that were entered last, the latest first."""
    rows = session.execute(
        select(RecipientRow.id, RecipientRow.name, TakingRow.result, TakingRow.visited_at, OperatorRow.name)
        .join(DeliveryRow, DeliveryRow.recipient_id == RecipientRow.id)
        .join(TakingRow, TakingRow.delivery_id == DeliveryRow.id)
        .join(OperatorRow, OperatorRow.id == TakingRow.taken_by)
        .where(DeliveryRow.dispatch_id == dispatch_id, TakingRow.visited_at.is_not(None))
        .order_by(TakingRow.visited_at.desc(), TakingRow.delivery_id.desc())
        .limit(limit)
    )
    return [
        Visited(recipient_id=number, name=name, result=Visit(result), visited_at=at, by=by)
        for number, name, result, at, by in rows
        if result is not None and at is not None
    ]


def _forget_visits(session: Session, row: DeliveryRow, now: datetime) -> None:
    """Sets the delivery back to what the channels have said of it."""
    store.withdraw_visits(session, row.id, now)
    word = fold(store.words_of(session, [row.id])[row.id])
    if row.standing < GOOD_NEWS or (word is not None and word.rank >= GOOD_NEWS):
        return
    going_on = session.get_one(DispatchRow, row.dispatch_id).state is State.SENDING
    if word is not None and word.outcome in (Outcome.ACCEPTED, Outcome.DEFERRED):
        row.due_at = now if going_on else None
        if not going_on:
            word = Word(word.attempt, Outcome.FAILED, word.reason)
    word = word or Word(0, Outcome.UNKNOWN, Reason.NO_ANSWER)
    row.standing, row.outcome, row.reason, row.answer = word.rank, word.outcome, word.reason, word.answer
    session.flush()
