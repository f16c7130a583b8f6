"""Receiving: what is said of a delivery after its hand-over, in any order and any number of times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import store
from alertd.alert import Status
from alertd.channel import InDoubt, Outcome, Reason, Receipt
from alertd.delivery import GOOD_NEWS, Next, Word, after, fold
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.site import Site
from alertd.tables import DeliveryRow, DispatchRow

#: how long until a far end that says “still under way” is asked again
ASK_AGAIN = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one hand-over."""

    delivery_id: int
    attempt: int
    receipt: Receipt
    #: to which channel; None = to its own
    channel: str | None = None

    @property
    def word(self) -> Word:
        """The same, as a word that can be folded."""
        return Word(self.attempt, self.receipt.outcome, self.receipt.reason, self.receipt.answer)


def record(
    session: Session,
    site: Site,
    delivery_id: int,
    attempt: int,
    receipt: Receipt,
    now: datetime,
    *,
    asked_by: str | None = None,
) -> None:
    """Appends what was said of one hand-over, once, and settles what is known (see `settle`)."""
    if store.locked_delivery(session, delivery_id) is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    record_all(session, site, [Said(delivery_id, attempt, receipt)], now, asked_by=asked_by)


def record_all(
    session: Session, site: Site, said: Sequence[Said], now: datetime, *, asked_by: str | None = None
) -> None:
    """Appends what was said, each word once, and settles what is known of those deliveries.

    What is said of a hand-over that never was, or to another channel, is left out. A line
    is in use from the word that says so until the word that ends it.
    """
    rows = store.locked_deliveries(session, {one.delivery_id for one in said})
    words = store.words_of(session, rows)
    under_way = {row.id for row in rows.values() if row.handed_at is not None}
    new: list[tuple[int, int, Receipt]] = []
    lines: dict[int, datetime | None] = {}
    for one in said:
        row = rows.get(one.delivery_id)
        if row is None or one.channel not in (None, row.channel) or not one.attempt <= row.attempt:
            continue
        is_new = one.word not in words[row.id]
        if is_new:
            words[row.id].add(one.word)
            new.append((row.id, one.attempt, one.receipt))
        if one.attempt != row.attempt or one.receipt.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
            continue
        if not one.receipt.line_open:
            lines[row.id] = None
            under_way.discard(row.id)
        elif is_new and row.id in under_way:
            within = site.channel(row.channel).traits.report_within
            lines[row.id] = now + within if within is not None else None
    store.add_receipts(session, new, now)
    _settle(session, site, rows.values(), words, now, asked_by)
    for number, until in lines.items():
        rows[number].line_until = until


def settle(
    session: Session, site: Site, delivery_id: int, now: datetime, *, asked_by: str | None = None
) -> None:
    """Brings a delivery up to what its receipts say; nothing changes when that is known already.

    `asked_by` is the owner that has just asked the far end: its lease ends here, and the
    far end's “don't know” is the last word.
    """
    rows = store.locked_deliveries(session, [delivery_id])
    _settle(session, site, rows.values(), store.words_of(session, rows), now, asked_by)


def _settle(
    session: Session,
    site: Site,
    rows: Collection[DeliveryRow],
    words: Mapping[int, Collection[Word]],
    now: datetime,
    asked_by: str | None,
) -> None:
    failed: dict[str, list[int]] = defaultdict(list)
    dispatches: dict[int, DispatchRow] = {}
    for row in rows:
        word = fold(words[row.id])
        if word is None:
            continue
        if word.rank > row.standing or asked_by is not None:
            if row.dispatch_id not in dispatches:
                dispatches[row.dispatch_id] = session.get_one(DispatchRow, row.dispatch_id)
            dispatch = dispatches[row.dispatch_id]
            _bring_up(session, site, row, word, dispatch, now, asked_by)
            if row.outcome is Outcome.FAILED and ended_as(dispatch, row.channel, now) is None:
                failed[row.channel].append(row.id)
        if asked_by is not None and row.owner == asked_by:
            row.owner = row.claimed_until = None
    session.flush()
    for channel, ids in failed.items():
        store.plan_next_contacts(session, ids, {channel: site.settings[channel].reaches}, now)


def _bring_up(
    session: Session,
    site: Site,
    row: DeliveryRow,
    word: Word,
    dispatch: DispatchRow,
    now: datetime,
    asked_by: str | None,
) -> None:
    """Writes into a delivery's row what its strongest word means."""
    traits, settings = site.channel(row.channel).traits, site.settings[row.channel]
    over = ended_as(dispatch, row.channel, now)
    following = after(
        word,
        settings,
        now=now,
        report_within=traits.report_within,
        in_doubt=traits.in_doubt,
        resend=False,
        severity=store.severity(dispatch),
        spared=row.spared,
    )
    unconfirmed = word.reason is Reason.UNCONFIRMED
    if asked_by is not None and word.outcome is Outcome.ACCEPTED and not unconfirmed:
        following = Next(word, now + ASK_AGAIN, handed=True)
    elif asked_by is not None and word.outcome is Outcome.UNKNOWN:
        following = Next(word, None, handed=False)
    following = unless_ended(following, over)
    if over is Outcome.CANCELLED and following.handed and asked_by is None:
        following = replace(following, look_at=now)
    if following.word != word:
        add_own_word(session, [row.id], following.word, now)
    row.standing = following.word.rank
    row.outcome, row.reason, row.answer = (
        following.word.outcome,
        following.word.reason,
        following.word.answer,
    )
    if word.attempt == row.attempt:
        row.spared = following.spared
    if word.attempt == row.attempt or word.rank >= GOOD_NEWS:
        row.due_at = following.look_at
        row.handed_at = row.handed_at if following.handed else None
        row.turn = row.attempt if row.handed_at is None else None


def may_resend(in_doubt: InDoubt, status: Status) -> bool:
    """Whether a delivery in doubt may be handed over once more without asking."""
    return in_doubt is InDoubt.RESEND or (in_doubt is InDoubt.RESEND_ACTUAL and status is Status.ACTUAL)


#: what is said of a delivery that was not handed over in time
TIME_RAN_OUT = "its time ran out"


def ended_as(dispatch: DispatchRow, channel: str, now: datetime) -> Outcome | None:
    """What becomes of a delivery that would be handed over again; None while it may go on."""
    if dispatch.state is State.CANCELLED or channel in dispatch.stops:
        return Outcome.CANCELLED
    return Outcome.EXPIRED if dispatch.expires_at <= now else None


def unless_ended(following: Next, ended: Outcome | None) -> Next:
    """A dispatch that is over hands nothing over again."""
    if ended is None or following.look_at is None or following.handed:
        return following
    return Next(replace(following.word, outcome=ended, reason=None), None, handed=False)


def add_own_word(session: Session, ids: list[int], word: Word, now: datetime) -> None:
    """The engine's own receipt: no attempts left, cancelled, expired."""
    said = Receipt(key="", outcome=word.outcome, reason=word.reason, detail=store.OWN_WORD)
    store.add_receipts(session, [(number, word.attempt, said) for number in ids], now)
