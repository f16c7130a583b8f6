"""The store: every query on dispatches, deliveries and receipts, by its meaning.

Transactions belong to the caller. A claim is a lease: `owner` until `claimed_until`.
Every write of a sender is fenced by owner and attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Insert,
    Row,
    Table,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from alertd.alert import Reference, Severity
from alertd.audience import Audience
from alertd.channel import Answer, Outcome, Reason, Receipt
from alertd.delivery import ATTEMPT, NOTHING_KNOWN, Next, Word, outcome_rank
from alertd.dispatch import State
from alertd.people import Line, contacts_of
from alertd.tables import (
    AlarmRow,
    AlertRow,
    ArtefactRow,
    ContactRow,
    DeliveryRow,
    DispatchRow,
    MembershipRow,
    ReceiptRow,
    RecipientRow,
)

_DELIVERY = cast("Table", DeliveryRow.__table__)
#: reasons that leave somebody with a part of the message
_PARTLY_HEARD = (Reason.HUNG_UP, Reason.MACHINE, Reason.IN_DOUBT)
_HEARD = (Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that a drain holds, and what it needs to hand it over."""

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


# dispatches ---------------------------------------------------------------------------


def dispatch(session: Session, number: int, *, lock: bool = False) -> DispatchRow | None:
    """One dispatch; with `lock` nobody else can move it until the transaction ends."""
    return session.get(DispatchRow, number, with_for_update=lock, populate_existing=lock)


def severity(row: DispatchRow) -> Severity:
    """How grave the alert of a dispatch is."""
    return list(Severity)[row.priority]


def dispatches(session: Session, *, limit: int = 50) -> Sequence[Row[DispatchRow, AlertRow]]:
    """The latest dispatches with their alerts, newest first; prepared corrections are not shown."""
    return session.execute(
        select(DispatchRow, AlertRow)
        .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
        .where(DispatchRow.state != State.DRAFT)
        .order_by(DispatchRow.id.desc())
        .limit(limit)
    ).all()


def dispatches_in(session: Session, *states: State) -> Sequence[DispatchRow]:
    """The dispatches that are in one of these states, the most urgent first."""
    return session.scalars(
        select(DispatchRow)
        .where(DispatchRow.state.in_(states))
        .order_by(DispatchRow.priority, DispatchRow.id)
    ).all()


def correction_of(session: Session, dispatch_id: int) -> DispatchRow | None:
    """The correction that was prepared with a dispatch."""
    return session.scalar(select(DispatchRow).where(DispatchRow.corrects_id == dispatch_id).limit(1))


def corrections_unspoken(session: Session) -> Sequence[int]:
    """Dispatches under way or submitted whose prepared correction has not been sent, newest first."""
    correction = aliased(DispatchRow)
    return session.scalars(
        select(DispatchRow.id)
        .join(correction, correction.corrects_id == DispatchRow.id)
        .where(
            correction.state == State.DRAFT,
            DispatchRow.state.in_((State.SUBMITTED, State.APPROVED, State.SENDING)),
        )
        .order_by(DispatchRow.id.desc())
        .limit(20)
    ).all()


def alert_by_reference(session: Session, reference: Reference) -> AlertRow | None:
    """The stored alert that CAP's triple names."""
    return session.scalar(
        select(AlertRow).where(
            AlertRow.sender == reference.sender,
            AlertRow.identifier == reference.identifier,
            AlertRow.sent == reference.sent,
        )
    )


def dispatches_of(session: Session, reference: Reference) -> Sequence[DispatchRow]:
    """Every dispatch of the alert that CAP's triple names."""
    alert = alert_by_reference(session, reference)
    if alert is None:
        return []
    return session.scalars(select(DispatchRow).where(DispatchRow.alert_id == alert.id)).all()


def artefacts(session: Session, dispatch_id: int) -> Sequence[ArtefactRow]:
    """The words and sounds of a dispatch."""
    return session.scalars(
        select(ArtefactRow)
        .where(ArtefactRow.dispatch_id == dispatch_id)
        .order_by(ArtefactRow.channel, ArtefactRow.language)
    ).all()


def still_told(session: Session, channel: str, since: datetime) -> Sequence[DispatchRow]:
    """Dispatches that went out over a channel, hold or ended after `since`, and were not stopped or replaced.

    The newest first.
    """
    rows = session.scalars(
        select(DispatchRow)
        .where(
            DispatchRow.state.in_((State.SENDING, State.FINISHED)),
            DispatchRow.expires_at > since,
            DispatchRow.superseded_by_id.is_(None),
            exists().where(ArtefactRow.dispatch_id == DispatchRow.id, ArtefactRow.channel == channel),
        )
        .order_by(DispatchRow.approved_at.desc(), DispatchRow.id.desc())
    )
    return rows.all()


def cancelled_open(session: Session) -> Sequence[DispatchRow]:
    """Stopped dispatches of which something may still be heard."""
    return session.scalars(
        select(DispatchRow).where(
            DispatchRow.state == State.CANCELLED,
            DispatchRow.planned_at.is_not(None),
            DispatchRow.finished_at.is_(None),
        )
    ).all()


def something_due(session: Session, dispatch_id: int) -> bool:
    """Whether any delivery of the dispatch will be looked at again."""
    return bool(
        session.scalar(
            select(exists().where(DeliveryRow.dispatch_id == dispatch_id, DeliveryRow.due_at.is_not(None)))
        )
    )


# planning -----------------------------------------------------------------------------


def plan_audience(
    session: Session,
    dispatch_row: DispatchRow,
    audience: Audience,
    line: Line,
    languages: Sequence[str],
    *,
    now: datetime,
) -> int:
    """Makes the deliveries of one channel, in the database; twice is harmless. Returns how many are new.

    First the few who pass it on, then those who need support, then the others.
    """
    reached = contacts_of(audience, line).subquery()
    told_first = exists().where(
        MembershipRow.recipient_id == reached.c.recipient_id, MembershipRow.group_name.in_(line.first_groups)
    )
    spoken = case((reached.c.language.in_(languages), reached.c.language), else_=languages[0])
    return _insert_deliveries(
        session,
        select(
            literal(dispatch_row.id),
            reached.c.recipient_id,
            reached.c.contact_id,
            literal(line.name),
            spoken,
            literal(dispatch_row.priority),
            null(),
            literal(0),
            literal(NOTHING_KNOWN),
            literal(now, DeliveryRow.due_at.type),
        ).order_by(case((told_first, 0), else_=1), reached.c.needs_support.desc(), reached.c.recipient_id),
    )


def plan_correction(session: Session, dispatch_row: DispatchRow, channel: str, *, now: datetime) -> int:
    """Makes the deliveries of a correction: exactly those reached or in flight, over the same contacts."""
    wrong = aliased(DeliveryRow)
    heard = exists().where(
        ReceiptRow.delivery_id == wrong.id,
        or_(ReceiptRow.outcome.in_(_HEARD), ReceiptRow.reason.in_(_PARTLY_HEARD)),
    )
    return _insert_deliveries(
        session,
        select(
            literal(dispatch_row.id),
            wrong.recipient_id,
            wrong.contact_id,
            wrong.channel,
            wrong.language,
            literal(dispatch_row.priority),
            wrong.id,
            literal(0),
            literal(NOTHING_KNOWN),
            literal(now, DeliveryRow.due_at.type),
        )
        .where(
            wrong.dispatch_id == dispatch_row.corrects_id,
            wrong.channel == channel,
            or_(wrong.handed_at.is_not(None), heard),
        )
        .order_by(wrong.id),
    )


def plan_next_contacts(
    session: Session, delivery_ids: Sequence[int], kinds: Mapping[str, str], now: datetime
) -> int:
    """After a failure: the recipient's next contact of the same kind that the dispatch has not tried."""
    planned = 0
    failed = session.execute(select(_DELIVERY).where(DeliveryRow.id.in_(delivery_ids))).all()
    for row in failed:
        tried = select(DeliveryRow.contact_id).where(
            DeliveryRow.dispatch_id == row.dispatch_id, DeliveryRow.recipient_id == row.recipient_id
        )
        contact = session.scalar(
            select(ContactRow.id)
            .where(
                ContactRow.recipient_id == row.recipient_id,
                ContactRow.kind == kinds[row.channel],
                ContactRow.active,
                or_(ContactRow.section.is_(None), ContactRow.section == row.channel),
                ContactRow.id.not_in(tried),
            )
            .order_by(ContactRow.preference, ContactRow.id)
            .limit(1)
        )
        if contact is not None:
            values = {
                "dispatch_id": row.dispatch_id,
                "recipient_id": row.recipient_id,
                "contact_id": contact,
                "channel": row.channel,
                "language": row.language,
                "priority": row.priority,
                "attempt": 0,
                "standing": NOTHING_KNOWN,
                "due_at": now,
            }
            result = session.execute(
                _or_nothing(session).values(values), execution_options={"preserve_rowcount": True}
            )
            planned += cast("CursorResult[Any]", result).rowcount
    return planned


_PLANNED = (
    "dispatch_id",
    "recipient_id",
    "contact_id",
    "channel",
    "language",
    "priority",
    "after_id",
    "attempt",
    "standing",
    "due_at",
)


def _insert_deliveries(session: Session, rows: Any) -> int:
    result = session.execute(
        _or_nothing(session).from_select(_PLANNED, rows, include_defaults=False),
        execution_options={"preserve_rowcount": True},
    )
    return cast("CursorResult[Any]", result).rowcount


def _or_nothing(session: Session) -> Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(_DELIVERY).on_conflict_do_nothing()
    return sqlite.insert(_DELIVERY).on_conflict_do_nothing()


# claiming -----------------------------------------------------------------------------


def claim(
    session: Session, channel: str, owner: str, *, handed: bool, limit: int, now: datetime, until: datetime
) -> list[Claimed]:
    """Leases due deliveries of a channel: the most urgent first, first attempts before retries.

    `handed` chooses those whose hand-over had begun (ask, or in doubt) or the others
    (hand over). A correction is not due while what it corrects is in somebody's hands.
    """
    wrong = aliased(DeliveryRow)
    being_said = exists().where(
        wrong.id == DeliveryRow.after_id, wrong.claimed_until.is_not(None), wrong.due_at.is_not(None)
    )
    due = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.channel == channel,
            DeliveryRow.due_at.is_not(None),
            DeliveryRow.due_at <= now,
            DeliveryRow.handed_at.is_not(None) if handed else DeliveryRow.handed_at.is_(None),
            or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
            or_(DeliveryRow.after_id.is_(None), ~being_said),
        )
        .limit(limit)
    )
    if handed:
        due = due.order_by(DeliveryRow.due_at)
    else:
        due = due.order_by(DeliveryRow.priority, DeliveryRow.attempt, DeliveryRow.due_at, DeliveryRow.id)
    if session.get_bind().dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
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
    """Keeps the leases of an owner alive."""
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.owner == owner)
        .values(claimed_until=until)
        .execution_options(synchronize_session=False)
    )


def release(session: Session, owner: str, ids: Sequence[int]) -> None:
    """Gives claimed deliveries back that were not handed over."""
    if ids:
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(ids), DeliveryRow.owner == owner)
            .values(owner=None, claimed_until=None)
            .execution_options(synchronize_session=False)
        )


def mark_handed(session: Session, owner: str, ids: Sequence[int], now: datetime) -> frozenset[int]:
    """The hand-over of these begins: after the commit they count as possibly arrived.

    Returns those that may go; the others were stopped, have left, or are no longer ours.
    Twice is the same as once: the reply to the first commit may have been lost.
    """
    if not ids:
        return frozenset()
    beginning = case((DeliveryRow.handed_at.is_(None), 1), else_=0)
    marked = session.scalars(
        update(DeliveryRow)
        .where(
            DeliveryRow.id.in_(ids),
            DeliveryRow.owner == owner,
            DeliveryRow.claimed_until > now,
            DeliveryRow.due_at.is_not(None),
        )
        .values(attempt=DeliveryRow.attempt + beginning, handed_at=now, line_until=None)
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
                attempt=DeliveryRow.attempt - 1, handed_at=None, due_at=now, owner=None, claimed_until=None
            )
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
    """Whether a channel has deliveries to hand over that nobody holds."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    DeliveryRow.channel == channel,
                    DeliveryRow.due_at <= now,
                    DeliveryRow.due_at.is_not(None),
                    DeliveryRow.handed_at.is_(None),
                    or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
                )
            )
        )
    )


def overdue(session: Session, channel: str, now: datetime) -> bool:
    """Whether a channel has hand-overs to look at again that nobody holds."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    DeliveryRow.channel == channel,
                    DeliveryRow.due_at <= now,
                    DeliveryRow.due_at.is_not(None),
                    DeliveryRow.handed_at.is_not(None),
                    or_(DeliveryRow.claimed_until.is_(None), DeliveryRow.claimed_until <= now),
                )
            )
        )
    )


def due_since(session: Session, channel: str) -> datetime | None:
    """When the longest waiting delivery of a channel became due."""
    return session.scalar(
        select(func.min(DeliveryRow.due_at)).where(
            DeliveryRow.channel == channel, DeliveryRow.due_at.is_not(None)
        )
    )


def lines_in_use(session: Session, channel: str, now: datetime) -> int:
    """Hand-overs of a channel that are under way, will be at once, or still hold their line."""
    under_way = (DeliveryRow.due_at.is_not(None), DeliveryRow.handed_at.is_not(None))
    at_once = (
        DeliveryRow.owner.is_not(None),
        DeliveryRow.claimed_until > now,
        DeliveryRow.handed_at.is_(None),
        DeliveryRow.due_at.is_not(None),
    )
    held = (DeliveryRow.line_until.is_not(None), DeliveryRow.line_until > now)
    counts = (
        select(func.count()).select_from(DeliveryRow).where(DeliveryRow.channel == channel, *which)
        for which in (under_way, at_once, held)
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


# recording ----------------------------------------------------------------------------


def conclude(session: Session, owner: str, following: Next, ids: Sequence[int]) -> frozenset[int]:
    """Writes what is known of these deliveries and ends their lease, fenced by owner and attempt.

    Returns those that took it; of the others more is known already, or they are no
    longer ours.
    """
    word = following.word
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
            insert(ReceiptRow),
            [
                {
                    "delivery_id": delivery_id,
                    "attempt": attempt,
                    "outcome": receipt.outcome,
                    "reason": receipt.reason,
                    "answer": receipt.answer,
                    "ref": receipt.ref[:200] if receipt.ref else None,
                    "detail": receipt.detail[:500] if receipt.detail else None,
                    "received_at": now,
                }
                for delivery_id, attempt, receipt in rows
            ],
        )


def locked_delivery(session: Session, number: int) -> DeliveryRow | None:
    """One delivery that nobody else can change until the transaction ends."""
    return session.get(DeliveryRow, number, with_for_update=True, populate_existing=True)


def receipts(session: Session, delivery_id: int) -> Sequence[ReceiptRow]:
    """Everything that was said of a delivery, in the order of its coming."""
    return session.scalars(
        select(ReceiptRow).where(ReceiptRow.delivery_id == delivery_id).order_by(ReceiptRow.id)
    ).all()


def words(session: Session, delivery_id: int) -> Sequence[Word]:
    """The same, as words that can be folded."""
    return [Word(row.attempt, row.outcome, row.reason, row.answer) for row in receipts(session, delivery_id)]


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
        .join(ours, ours.address == theirs.address)
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
        DeliveryRow.priority > priority,
        DeliveryRow.due_at <= now,
        DeliveryRow.due_at.is_not(None),
        DeliveryRow.handed_at.is_(None),
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
    also: ColumnElement[bool] | None = None,
) -> int:
    """Ends every delivery of a dispatch that has not been handed over (and is `also`): cancelled or expired."""
    open_ones = [
        DeliveryRow.dispatch_id == dispatch_id,
        DeliveryRow.due_at.is_not(None),
        DeliveryRow.handed_at.is_(None),
    ]
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


# asking -------------------------------------------------------------------------------


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


# alarms -------------------------------------------------------------------------------


def raise_alarm(session: Session, name: str, message: str, now: datetime) -> bool:
    """Puts an alarm on; False when it is on already."""
    row = session.get(AlarmRow, name)
    if row is not None:
        row.message = message[:500]
        return False
    session.add(AlarmRow(name=name, message=message[:500], raised_at=now))
    session.flush()
    return True


def clear_alarm(session: Session, name: str) -> bool:
    """Puts an alarm off; False when it was not on."""
    row = session.get(AlarmRow, name)
    if row is None:
        return False
    session.delete(row)
    session.flush()
    return True


def alarms(session: Session) -> Sequence[AlarmRow]:
    """What is on now, the latest first."""
    return session.scalars(select(AlarmRow).order_by(AlarmRow.raised_at.desc())).all()
