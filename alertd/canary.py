"""Canaries: mailboxes of ours at the carriers; a mail to one that comes back proves the way of mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from alertd import store
from alertd.db import reading, writing
from alertd.letter import LetterKind, hash_of
from alertd.site import Site
from alertd.store import letters
from alertd.store.freezes import open_below
from alertd.subscribe import new_letter
from alertd.subscription import How
from alertd.tables import LetterRow

#: the alarm that says that mail does not come back
SILENT = "canary"
#: so many canaries in a row may be late before the alarm
MISSED = 2.5
#: … of which so many were sent: none is while everything is held
SENT = 2


@dataclass(frozen=True, slots=True)
class Canary:
    """One mailbox: when a mail to it last came back, and when one was last sent."""

    address: str
    arrived_at: datetime | None
    sent_at: datetime | None


def send(site: Site) -> None:
    """Asks for a mail to each mailbox whose turn it is, and minds those that do not sing; not while everything is held."""
    inbox = site.config.inbox
    if not inbox.canaries:
        return
    every = timedelta(minutes=inbox.canary_every)
    with writing(site.engine) as session:
        now = site.clock.now()
        if not open_below(session, now):
            return
        silent: list[str] = []
        for address in inbox.canaries:
            mine = (LetterRow.kind == LetterKind.CANARY, LetterRow.address_key == address)
            first, last = session.execute(
                select(func.min(LetterRow.created_at), func.max(LetterRow.created_at)).where(*mine)
            ).one()
            arrived = session.scalar(select(func.max(LetterRow.used_at)).where(*mine))
            if last is None or now - last >= every:
                session.add(
                    new_letter(LetterKind.CANARY, address, site.config.city.languages[0], How.STAFF, now)
                )
            since = arrived or first
            if since is None or now - since <= every * MISSED:
                continue
            after = select(func.count()).select_from(LetterRow).where(*mine, LetterRow.created_at > since)
            if (session.scalar(after) or 0) >= SENT:
                silent.append(address.rpartition("@")[2])
        if silent:
            message = f"test mails to {', '.join(silent)} do not arrive; look at the relay and at the carrier"
            store.raise_alarm(session, SILENT, message, now)
        else:
            store.clear_alarm(session, SILENT)


def arrived(site: Site, token: str) -> bool:
    """A mail to a canary has come back; False for a token of something else."""
    with writing(site.engine) as session:
        row = letters.letter_by_hash(session, hash_of(token), lock=True)
        if row is None or row.kind != LetterKind.CANARY:
            return False
        row.used_at = row.used_at or site.clock.now()
        return True


def last_heard(site: Site) -> str:
    """When each canary was last heard, in one sentence; empty when there are none."""
    now = site.clock.now()
    heard = []
    for one in canaries(site):
        when = f"{(now - one.arrived_at) // timedelta(minutes=1)} min ago" if one.arrived_at else "never yet"
        heard.append(f"{one.address.rpartition('@')[2]} {when}")
    return f"mail last arrived at {', '.join(heard)}" if heard else ""


def canaries(site: Site) -> list[Canary]:
    """All mailboxes with what is known of them."""
    with reading(site.engine) as session:
        known = {
            address: Canary(address, came, sent) for address, came, sent in letters.last_canaries(session)
        }
    return [known.get(address, Canary(address, None, None)) for address in site.config.inbox.canaries]
