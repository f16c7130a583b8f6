"""The postman: sends letters, one at a time, apart from alerts, and sees to it that no victim gets many.

Whether somebody who asked gets a letter, and which one, is decided here and not in the
web request: so nobody can tell from the answer who is registered.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from alertd import category, language, people, store
from alertd.category import Category
from alertd.channel import Letter, Outcome, Receipt, Writes
from alertd.db import reading, writing
from alertd.errors import ChannelError, NotFound
from alertd.letter import LETTER, RETRY, Fate, LetterKind, hash_of, token_of, written
from alertd.messages import CHANGE, STOP
from alertd.site import Site
from alertd.store import letters, subscriptions
from alertd.store.freezes import open_below
from alertd.subscription import Choice
from alertd.tables import ContactRow, LetterRow
from alertd.token import seal

log = logging.getLogger(__name__)

#: the language in which every word says how it is read
EASY = "ja-easy"
#: letters that are taken at once
HANDFUL = 20
#: how long they are leased; another postman tries again afterwards
LEASE = timedelta(minutes=5)
#: a pause after the relay was down
PAUSE = timedelta(seconds=15)
#: a letter that has waited longer than this raises an alarm
LATE = timedelta(minutes=5)
#: the alarm that says that letters do not get out
STUCK = "letters"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A letter that is to be sent, and its row."""

    number: int
    letter: Letter


def post(site: Site) -> int:
    """Sends the letters that are due; returns how many were handed over.

    1. Take a handful, decide for each whether it may go, and write it: one transaction,
       under a lock, so that two postmen count the same letters.
    2. Hand them over.
    3. Record what became of each.
    """
    if not _something_due(site):
        return 0
    handed = 0
    while ready := _take(site):
        try:
            receipts = {
                receipt.key: receipt for receipt in _writer(site).write([one.letter for one in ready])
            }
        except (ChannelError, NotFound) as error:
            log.warning("letters wait: %s", error)
            _put_back(site, ready)
            break
        _record(site, ready, receipts)
        handed += len(receipts)
    _mind_the_late(site)
    return handed


def writes_from(site: Site) -> str:
    """The address that letters come from; people let it through their carrier's filter. Raises NotFound."""
    return _writer(site).writes_from


# private steps ------------------------------------------------------------------------


def _writer(site: Site) -> Writes:
    """The channel that carries letters. Raises NotFound when there is none."""
    named = site.config.subscribe.channel
    kinds = [name for name, settings in site.settings.items() if settings.reaches == subscriptions.KIND]
    real_first = sorted(kinds, key=lambda name: "Actual" not in site.settings[name].carries)
    for name in [named] if named else real_first:
        channel = site.channel(name)
        if isinstance(channel, Writes):
            return channel
    raise NotFound("no channel carries letters; name a mail section as `channel` in [subscribe]")


def _something_due(site: Site) -> bool:
    """Whether letters wait, and nothing holds everything back."""
    with reading(site.engine) as session:
        now = site.clock.now()
        return open_below(session, now) > 0 and letters.due(session, now)


def _take(site: Site) -> list[_Ready]:
    with writing(site.engine) as session:
        now = site.clock.now()
        if not open_below(session, now):
            return []
        rows = letters.claim_letters(session, limit=HANDFUL, now=now, until=now + LEASE)
        ready: list[_Ready] = []
        for row in rows:
            if row.attempt == 0 and not _allowed(session, site, row, now):
                _settle(row, Fate.WITHHELD)
            else:
                ready.append(_Ready(row.id, _write(session, site, row, now)))
                row.sent_at = now  # counts from here on, whatever becomes of it
                row.attempt += 1
            session.flush()
    return ready or (_take(site) if rows else [])


def _allowed(session: Session, site: Site, row: LetterRow, now: datetime) -> bool:
    """Whether a letter may go out: to nobody too many, and none about a registration that has ended."""
    if row.kind in (LetterKind.WELCOME, LetterKind.CHANGED):
        return any(contact.active for contact in subscriptions.contacts_at(session, row.address))
    if row.kind == LetterKind.CANARY:
        return True
    limits = site.config.subscribe
    return (
        letters.unanswered(session, row.address, now - _HOUR) < limits.per_address_hour
        and letters.unanswered(session, row.address, now - _DAY) < limits.per_address_day
        and letters.unanswered_at(session, row.domain, now - _HOUR) < limits.per_domain_hour
    )


def _write(session: Session, site: Site, row: LetterRow, now: datetime) -> Letter:
    base, city = site.config.public_url, site.config.city
    contacts = subscriptions.contacts_at(session, row.address)
    contact = contacts[0] if contacts and contacts[0].active else None
    name, link = row.kind, ""
    if row.kind in (LetterKind.INVITATION, LetterKind.CANARY):
        token = token_of(site.secret, row.id, row.nonce)
        row.token_hash = hash_of(token)
        row.link_until = row.link_until or now + timedelta(hours=site.config.subscribe.link_hours)
        link = f"{base}/r/{token}"
        if row.kind == LetterKind.INVITATION and contact is not None:
            name = "change"
    blanks = {
        "city": city.name_en if not language.is_japanese(row.language) else city.name,
        "hours": f"{site.config.subscribe.link_hours:g}",
        "telephone": city.telephone,
        "link": link,
        **_choice(session, site, contact, row.language),
    }
    words = written(name, row.language, blanks)
    return Letter(
        key=seal(site.secret, LETTER, row.id),
        address=row.address,
        language=row.language,
        subject=words.subject,
        text=words.text,
        sent=now,
    )


def _choice(session: Session, site: Site, contact: ContactRow | None, spoken: str) -> dict[str, str]:
    if contact is None:
        return {"areas": "", "categories": "", "change": "", "stop": ""}
    chosen = subscriptions.choice_of(session, contact) or Choice(
        language=spoken, areas=(subscriptions.area_of(session, contact),), categories=category.EVERYTHING
    )
    base = site.config.public_url
    return {
        "areas": areas_in_words(session, chosen.areas, spoken),
        "categories": categories_in_words(chosen.categories, spoken),
        "change": f"{base}/change/{seal(site.secret, CHANGE, contact.id)}",
        "stop": f"{base}/stop/{seal(site.secret, STOP, contact.id)}",
    }


def areas_in_words(session: Session, codes: Sequence[str], spoken: str) -> str:
    """The areas by name, all of them as one."""
    japanese = language.is_japanese(spoken)
    rows = [row for row in people.areas(session) if row.code in codes]
    if len(rows) > 1 and len(rows) == len(people.areas(session)):
        whole = "市（し）の ぜんぶ" if spoken == EASY else "市内全域"
        return whole if japanese else "the whole city"
    names = [row.name if japanese else row.name_en or row.name for row in rows]
    if spoken == EASY:
        names = [f"{row.name}（{row.name_kana}）" if row.name_kana else row.name for row in rows]
    return ("、" if japanese else ", ").join(names)


def categories_in_words(chosen: Sequence[Category], spoken: str) -> str:
    """The categories by name, in the order of the screen."""
    japanese = language.is_japanese(spoken)
    tongue = 2 if spoken == EASY else 0 if japanese else 1
    return ("、" if japanese else "; ").join(category.NAMES[one][tongue] for one in chosen)


def _record(site: Site, ready: Sequence[_Ready], receipts: dict[str, Receipt]) -> None:
    with writing(site.engine) as session:
        now = site.clock.now()
        for one in ready:
            row = session.get(LetterRow, one.number)
            receipt = receipts.get(one.letter.key)
            if row is None:
                continue
            row.claimed_until = None
            row.detail = receipt.detail[:300] if receipt and receipt.detail else row.detail
            if receipt is not None and receipt.outcome is Outcome.ACCEPTED:
                _settle(row, Fate.SENT)
            elif receipt is not None and receipt.outcome is Outcome.FAILED:
                _settle(row, Fate.FAILED)
            elif row.attempt > len(RETRY):
                _settle(row, Fate.FAILED)
            else:
                row.due_at = now + RETRY[row.attempt - 1]


def _settle(row: LetterRow, fate: Fate) -> None:
    row.fate, row.due_at, row.claimed_until = fate, None, None


def _put_back(site: Site, ready: Sequence[_Ready]) -> None:
    """The relay was down: the attempt does not count."""
    with writing(site.engine) as session:
        now = site.clock.now()
        for one in ready:
            row = session.get(LetterRow, one.number)
            if row is not None:
                row.attempt, row.claimed_until, row.due_at = row.attempt - 1, None, now + PAUSE
                row.sent_at = None if row.attempt == 0 else row.sent_at


def _mind_the_late(site: Site) -> None:
    with writing(site.engine) as session:
        now = site.clock.now()
        waiting = letters.oldest_due(session)
        if waiting is not None and waiting < now - LATE:
            message = "mails about registrations do not get out; look at the mail relay"
            store.raise_alarm(session, STUCK, message, now)
        else:
            store.clear_alarm(session, STUCK)
