"""Receiving: what is said of a delivery after its hand-over, in any order and any number of times."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary, ref

from sqlalchemy.orm import Session

from alertd import messages, store
from alertd.alert import Status
from alertd.channel import Answers, Callback, InDoubt, Message, Outcome, Receipt, Reply, Reports, Target
from alertd.db import reading, writing
from alertd.delivery import GOOD_NEWS, Next, Word, after, fold
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.group_commit import GroupCommit
from alertd.in_force import in_force
from alertd.messages import DELIVERY
from alertd.site import Site
from alertd.tables import DeliveryRow, DispatchRow
from alertd.token import unseal

#: how long until a far end that says “still under way” is asked again
ASK_AGAIN = timedelta(seconds=15)


def callback(
    site: Site,
    name: str,
    *,
    url: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    query: Mapping[str, str],
    form: Mapping[str, str],
) -> Reply:
    """A request of a far end at `/callbacks/NAME`; the channel judges whether it is genuine.

    `url` is the configured public one with the query as it came. Raises ForgedCallback,
    or NotFound when no channel of that name takes callbacks.
    """
    channel = site.channel(name)
    if not isinstance(channel, Reports):
        raise NotFound(f"channel “{name}” takes no callbacks")
    target, message, closed = _named(site, name, query)
    request = Callback(
        url=url,
        method=method,
        headers=headers,
        body=body,
        query=query,
        form=form,
        target=target,
        message=message,
        closed=closed,
    )
    caller = channel.caller(request) if isinstance(channel, Answers) else None
    if caller is not None and isinstance(channel, Answers):
        with reading(site.engine) as session:
            heard = in_force(session, site, name, caller, site.clock.now())
        reply = channel.answer(request, heard)
        targets = [one.target for one in heard if one.target is not None]
    else:
        reply = channel.receive(request)
        targets = [target] if target is not None else []
    attempts = {one.key: one.attempt for one in targets}
    for receipt in reply.receipts:
        number = unseal(site.secret, DELIVERY, receipt.key)
        if number is not None and receipt.key in attempts:
            _record_new(site, number, attempts[receipt.key], receipt)
    return reply


def _record_new(site: Site, number: int, attempt: int, receipt: Receipt) -> None:
    """Records what a callback said, unless it is known already: most callbacks say nothing new."""
    word = Word(attempt, receipt.outcome, receipt.reason, receipt.answer)
    if receipt.outcome is Outcome.ACCEPTED:
        with reading(site.engine) as session:
            if word in store.words(session, number):
                return
    _together(site).add((number, attempt, receipt))


_Said = tuple[int, int, Receipt]
_writers: WeakKeyDictionary[Site, GroupCommit[_Said]] = WeakKeyDictionary()
_writers_guard = threading.Lock()


def _together(site: Site) -> GroupCommit[_Said]:
    """What writes down the callbacks of an installation; the same one for as long as it is open."""

    def write(said: Sequence[_Said]) -> None:
        opened = known()
        assert opened is not None
        with writing(opened.engine) as session:
            # in one order, so that two servers never wait for each other
            for number, attempt, receipt in sorted(said, key=lambda one: one[0]):
                record(session, opened, number, attempt, receipt, opened.clock.now())

    known = ref(site)
    with _writers_guard:
        if site not in _writers:
            _writers[site] = GroupCommit(write)
        return _writers[site]


def _named(site: Site, name: str, query: Mapping[str, str]) -> tuple[Target | None, Message | None, bool]:
    """The hand-over that a callback's URL names, and whether nothing more is wanted of it."""
    number = unseal(site.secret, DELIVERY, query.get("key", ""))
    attempt = query.get("attempt", "")
    if number is None or not attempt.isascii() or not attempt.isdigit() or len(attempt) > 6:
        return None, None, True
    with reading(site.engine) as session:
        row = session.get(DeliveryRow, number)
        if row is None or row.channel != name or not 1 <= int(attempt) <= row.attempt:
            return None, None, True
        address, usable = store.addresses(session, [row.contact_id])[row.contact_id]
        target = messages.target(site, name, number, int(attempt), address, row.contact_id)
        dispatch = session.get_one(DispatchRow, row.dispatch_id)
        try:
            message = messages.book(site, name).of(session, row.dispatch_id).messages.get(row.language)
        except messages.NotAsApproved:
            return target, None, True
        closed = row.due_at is None or dispatch.state is State.CANCELLED or not usable
        return target, message, closed


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
    """Appends what was said, once, and settles what is known (see `settle`)."""
    row = store.locked_delivery(session, delivery_id)
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    word = Word(attempt, receipt.outcome, receipt.reason, receipt.answer)
    new, under_way = word not in store.words(session, delivery_id), row.handed_at is not None
    if new:
        store.add_receipts(session, [(delivery_id, attempt, receipt)], now)
    settle(session, site, delivery_id, now, asked_by=asked_by)
    if attempt != row.attempt or receipt.outcome in (Outcome.ACCEPTED, Outcome.UNKNOWN):
        return
    if not receipt.line_open:
        row.line_until = None
    elif new and under_way:
        within = site.channel(row.channel).traits.report_within
        row.line_until = now + within if within is not None else None


def settle(
    session: Session, site: Site, delivery_id: int, now: datetime, *, asked_by: str | None = None
) -> None:
    """Brings a delivery up to what its receipts say; nothing changes when that is known already.

    `asked_by` is the owner that has just asked the far end: its lease ends here, and the
    far end's “don't know” is the last word.
    """
    row = store.locked_delivery(session, delivery_id)
    word = fold(store.words(session, delivery_id))
    if row is None or word is None:
        return
    traits, settings = site.channel(row.channel).traits, site.settings[row.channel]
    dispatch = session.get_one(DispatchRow, row.dispatch_id)
    over = ended_as(dispatch, now)
    if word.rank > row.standing or asked_by is not None:
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
        if asked_by is not None and word.outcome is Outcome.ACCEPTED:
            following = Next(word, now + ASK_AGAIN, handed=True)
        elif asked_by is not None and word.outcome is Outcome.UNKNOWN:
            following = Next(word, None, handed=False)
        following = unless_ended(following, over)
        if over is Outcome.CANCELLED and following.handed and asked_by is None:
            following = replace(following, look_at=now)
        if following.word != word:
            add_own_word(session, [delivery_id], following.word, now)
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
        if following.word.outcome is Outcome.FAILED and over is None:
            session.flush()
            store.plan_next_contacts(session, [delivery_id], {row.channel: settings.reaches}, now)
    if asked_by is not None and row.owner == asked_by:
        row.owner = row.claimed_until = None
    session.flush()


def may_resend(in_doubt: InDoubt, status: Status) -> bool:
    """Whether a delivery in doubt may be handed over once more without asking."""
    return in_doubt is InDoubt.RESEND or (in_doubt is InDoubt.RESEND_ACTUAL and status is Status.ACTUAL)


def ended_as(dispatch: DispatchRow, now: datetime) -> Outcome | None:
    """What becomes of a delivery that would be handed over again; None while the dispatch goes on."""
    if dispatch.state is State.CANCELLED:
        return Outcome.CANCELLED
    return Outcome.EXPIRED if dispatch.expires_at <= now else None


def unless_ended(following: Next, ended: Outcome | None) -> Next:
    """A dispatch that is over hands nothing over again."""
    if ended is None or following.look_at is None or following.handed:
        return following
    return Next(replace(following.word, outcome=ended, reason=None), None, handed=False)


def add_own_word(session: Session, ids: list[int], word: Word, now: datetime) -> None:
    """The engine's own receipt: no attempts left, cancelled, expired."""
    said = Receipt(key="", outcome=word.outcome, reason=word.reason, detail="said by the engine")
    store.add_receipts(session, [(number, word.attempt, said) for number in ids], now)
