"""Recording: what a channel said of hand-overs is written, and what follows is decided."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import lane, receive, store
from alertd.alert import Status
from alertd.channel import Answer, Outcome, Phase, Reason, Recalls, Receipt
from alertd.db import writing
from alertd.delivery import Next, Word, after
from alertd.errors import ChannelBusy, ChannelError, ChannelMisconfigured
from alertd.site import Site
from alertd.store import Claimed, crowds
from alertd.tables import DispatchRow

log = logging.getLogger(__name__)

#: what is written in one statement: attempt, outcome, reason, answer, phase, and attempts that do not count
_Alike = tuple[int, Outcome, Reason | None, Answer | None, Phase | None, int]


def record(
    session: Session,
    site: Site,
    name: str,
    owner: str,
    dispatch_id: int,
    status: Status,
    said: Sequence[tuple[Claimed, Receipt]],
    now: datetime,
) -> None:
    """Writes the receipts of one dispatch; the usual case is one statement for all of them.

    Ends the leases. Of a delivery that is no longer the owner's, only the receipt is kept.
    """
    settings, traits = site.settings[name], site.channel(name).traits
    by_word: dict[_Alike, list[tuple[int, Receipt]]] = defaultdict(list)
    last: _Alike | None = None
    told: list[tuple[int, Receipt]] = []
    for claimed, receipt in said:
        alike = (
            claimed.attempt, receipt.outcome, receipt.reason, receipt.answer, receipt.phase, claimed.spared
        )  # fmt: skip
        if alike != last:
            last, told = alike, by_word[alike]
        told.append((claimed.id, receipt))
    dispatch = session.get_one(DispatchRow, dispatch_id)
    ended = receive.ended_as(dispatch, name, now)
    left: list[int] = []
    for (attempt, outcome, reason, answer, _, spared), told in by_word.items():
        word, ids = Word(attempt, outcome, reason, answer), [number for number, _ in told]
        crowds.add_receipts(session, attempt, told[0][1], told, now)
        following = after(
            word,
            settings,
            now=now,
            report_within=traits.report_within,
            in_doubt=traits.in_doubt,
            resend=receive.may_resend(traits.in_doubt, status),
            severity=store.severity(dispatch),
            spared=spared,
        )
        following = receive.unless_ended(following, ended)
        if ended is Outcome.CANCELLED and following.handed and isinstance(site.channel(name), Recalls):
            following = replace(following, look_at=now)
        later = following.look_at is not None and not following.handed
        spread = (
            (following.look_at - now) * settings.retry_spread if later and following.look_at else timedelta()
        )
        taken = crowds.conclude(session, owner, following, ids, spread=spread)
        if following.word != word:
            receive.add_own_word(session, sorted(taken), following.word, now)
        if following.word.outcome is Outcome.FAILED and taken and ended is None:
            store.plan_next_contacts(session, sorted(taken), {name: settings.reaches}, now)
        left += [number for number in ids if number not in taken]
    if left:
        store.release(session, owner, left)
        for number in left:
            receive.settle(session, site, number, now)


def close(
    session: Session,
    owner: str,
    claimed: Sequence[Claimed],
    ids: Collection[int],
    detail: str,
    now: datetime,
    outcome: Outcome = Outcome.CANCELLED,
) -> None:
    """Ends those of these claims that nothing shall be sent to any more."""
    for one in claimed:
        if one.id in ids:
            following = Next(Word(one.attempt, outcome), None, handed=False, spared=one.spared)
            if store.conclude(session, owner, following, [one.id]):
                left = Receipt(key="", outcome=outcome, detail=detail)
                store.add_receipts(session, [(one.id, one.attempt, left)], now)


def close_late(
    session: Session, owner: str, dispatch: DispatchRow, claimed: Sequence[Claimed], now: datetime
) -> frozenset[int]:
    """Ends these claims of a dispatch when its time has run out: nothing is sent late, with or without a relay.

    Returns those that must not be sent: none, or all.
    """
    if dispatch.expires_at > now:
        return frozenset()
    ids = frozenset(one.id for one in claimed)
    close(session, owner, claimed, ids, receive.TIME_RAN_OUT, now, Outcome.EXPIRED)
    return ids


def refuse(site: Site, name: str, owner: str, rows: Sequence[Claimed], why: str) -> None:
    """What is not as it was approved is not sent, and a person is told."""
    log.error("refused to send: %s", why)
    with writing(site.engine) as session:
        now = site.clock.now()
        store.raise_alarm(session, f"refused:{name}", why, now)
        for claimed in rows:
            word = Word(claimed.attempt, Outcome.FAILED, Reason.REFUSED)
            following = Next(word, None, handed=False, spared=claimed.spared)
            if store.conclude(session, owner, following, [claimed.id]):
                said = Receipt(key="", outcome=Outcome.FAILED, reason=Reason.REFUSED, detail=why)
                store.add_receipts(session, [(claimed.id, claimed.attempt, said)], now)


def pause(site: Site, name: str, owner: str, fault: ChannelError, ids: Sequence[int]) -> None:
    """The far end is down or a person must act: what is still claimed is given back."""
    log.warning("channel %s pauses: %s", name, fault)
    with writing(site.engine) as session:
        now = site.clock.now()
        store.release(session, owner, ids)
        row = lane.lane(session, name)
        if isinstance(fault, ChannelBusy):
            lane.too_fast(session, row, max(fault.seconds, 1.0), now)
            return
        lane.failed(session, row, str(fault), now, person_needed=isinstance(fault, ChannelMisconfigured))
