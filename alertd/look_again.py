"""Looking again: hand-overs of which nothing was heard in time are asked about, or settled by policy."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from alertd import journal, messages, on_air, receive, store
from alertd.channel import (
    Asks,
    Channel,
    InDoubt,
    Inquiry,
    Outcome,
    Reason,
    Recalls,
    Receipt,
    Traits,
)
from alertd.db import reading, writing
from alertd.delivery import Next, Word
from alertd.errors import ChannelError
from alertd.messages import Messages, NotAsApproved
from alertd.record import record
from alertd.site import Site
from alertd.store import Claimed, crowds
from alertd.tables import AlertRow, DispatchRow

log = logging.getLogger(__name__)

#: how soon an airing whose sender is gone is looked at again
ON_AIR_AGAIN = timedelta(seconds=2)

_SENDER_DIED = Receipt(
    key="",
    outcome=Outcome.UNKNOWN,
    reason=Reason.IN_DOUBT,
    detail="the sender died after the hand-over had begun",
)
_UNANSWERABLE = Receipt(
    key="", outcome=Outcome.UNKNOWN, reason=Reason.OTHER, detail="the message is not what was approved"
)


def look_again(
    site: Site, name: str, owner: str, channel: Channel, book: Messages, again: Sequence[Claimed]
) -> None:
    """Hand-overs whose outcome is overdue: ask the far end, else settle them by the channel's policy.

    So many at a time as the channel can be asked: telephones that ring are to fall silent at once.
    """
    left = _left_over(site, name, owner, again)
    with ThreadPoolExecutor(max(1, min(len(left), channel.traits.questions)), f"ask-{name}") as pool:
        asked = [pool.submit(_look_at, site, name, owner, channel, book, claimed) for claimed in left]
    for one in asked:
        one.result()


def _look_at(site: Site, name: str, owner: str, channel: Channel, book: Messages, claimed: Claimed) -> None:
    """Asks about one hand-over, or settles it."""
    with reading(site.engine) as session:
        said = store.said_of(session, claimed.id, claimed.attempt)
        dispatch = session.get_one(DispatchRow, claimed.dispatch_id)
        stopped = receive.ended_as(dispatch, name, site.clock.now()) is Outcome.CANCELLED
    if not isinstance(channel, Asks) or not (said or channel.traits.in_doubt is InDoubt.ASK):
        _settle_alone(site, name, owner, channel.traits, claimed)
        return
    inquiry = _inquiry(site, name, book, claimed)
    try:
        receipt = _asked(channel, inquiry, recall=stopped) if inquiry is not None else _UNANSWERABLE
    except ChannelError as error:
        log.warning("channel %s could not be asked: %s", name, error)
        with writing(site.engine) as session:
            store.postpone(session, owner, claimed.id, site.clock.now() + receive.ASK_AGAIN)
        return
    if receipt is not None and receipt.phase is not None and receipt.phase.under_way:
        assert inquiry is not None
        receipt = on_air.adopt(site, name, channel, claimed, inquiry, receipt)
        if receipt is None:
            with writing(site.engine) as session:
                store.postpone(session, owner, claimed.id, site.clock.now() + ON_AIR_AGAIN)
            return
    with writing(site.engine) as session:
        now = site.clock.now()
        if receipt is None and not _over(session, name, owner, claimed, now):
            store.hand_over_again(session, owner, claimed.id, now, counts=False)
        if receipt is None:
            on_air.never_was(session, claimed.id, now)
            return
        receipt = on_air.finished(session, claimed.id, claimed.attempt, receipt, now)
        receive.record(session, site, claimed.id, claimed.attempt, receipt, now, asked_by=owner)


def notes(site: Site) -> Path:
    """Where senders keep their journals."""
    return site.config.storage / "hand-over"


def _left_over(site: Site, name: str, owner: str, again: Sequence[Claimed]) -> list[Claimed]:
    """Settles what the journal of a dead sender knows; returns what it does not know."""
    if not again:
        return []
    noted = journal.read(notes(site), name, {(one.id, one.attempt) for one in again})
    if not noted:
        return list(again)
    said: dict[int, list[tuple[Claimed, Receipt]]] = defaultdict(list)
    never: list[int] = []
    with writing(site.engine) as session:
        now = site.clock.now()
        for claimed in again:
            receipt = noted.get((claimed.id, claimed.attempt))
            if receipt is not None:
                said[claimed.dispatch_id].append((claimed, receipt))
            elif (claimed.id, claimed.attempt) in noted and not _over(session, name, owner, claimed, now):
                never.append(claimed.id)
        crowds.never_begun(session, owner, never, now)
        for dispatch_id, words in said.items():
            row = session.get_one(DispatchRow, dispatch_id)
            status = session.get_one(AlertRow, row.alert_id).status
            record(session, site, name, owner, dispatch_id, status, words, now)
    return [one for one in again if (one.id, one.attempt) not in noted]


def _asked(channel: Asks, inquiry: Inquiry, *, recall: bool) -> Receipt | None:
    return channel.recall(inquiry) if recall and isinstance(channel, Recalls) else channel.ask(inquiry)


def _inquiry(site: Site, name: str, book: Messages, claimed: Claimed) -> Inquiry | None:
    with reading(site.engine) as session:
        address, _ = store.addresses(session, [claimed.contact_id])[claimed.contact_id]
        ref = store.last_ref(session, claimed.id, claimed.attempt)
        repeat = on_air.repeat_of(session, claimed.id)
        others = store.other_refs(session, claimed.id, claimed.attempt, claimed.contact_id)
        try:
            message = book.of(session, claimed.dispatch_id).messages[claimed.language]
        except (NotAsApproved, KeyError):
            return None
    assert claimed.handed_at is not None
    return Inquiry(
        target=messages.target(
            site, name, claimed.id, claimed.attempt, address, claimed.contact_id, repeat=repeat
        ),
        ref=ref,
        handed_at=claimed.handed_at,
        asked_at=site.clock.now(),
        message=message,
        other_refs=others,
    )


def _over(session: Session, name: str, owner: str, claimed: Claimed, now: datetime) -> bool:
    """Ends a delivery that surely never arrived, when its dispatch is over."""
    ended = receive.ended_as(session.get_one(DispatchRow, claimed.dispatch_id), name, now)
    if ended is None:
        return False
    following = Next(Word(claimed.attempt, ended), None, handed=False, spared=claimed.spared)
    if store.conclude(session, owner, following, [claimed.id]):
        receive.add_own_word(session, [claimed.id], following.word, now)
    return True


def _settle_alone(site: Site, name: str, owner: str, traits: Traits, claimed: Claimed) -> None:
    """Nobody can or shall be asked: after a death of the sender the policy decides."""
    with writing(site.engine) as session:
        now = site.clock.now()
        if store.said_of(session, claimed.id, claimed.attempt):
            receive.settle(session, site, claimed.id, now, asked_by=owner)
            return
        row = session.get_one(DispatchRow, claimed.dispatch_id)
        alert = session.get_one(AlertRow, row.alert_id)
        store.add_receipts(session, [(claimed.id, claimed.attempt, _SENDER_DIED)], now)
        resend = receive.may_resend(traits.in_doubt, alert.status)
        attempts = site.settings[name].attempts
        if resend and claimed.attempt < attempts and receive.ended_as(row, name, now) is None:
            store.hand_over_again(session, owner, claimed.id, now, counts=True)
        else:
            receive.settle(session, site, claimed.id, now, asked_by=owner)
