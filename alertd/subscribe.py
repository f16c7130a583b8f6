"""Subscribing: ask, confirm, change, leave. The same answer whether an address is known or not."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from alertd import audit, people, store
from alertd.category import EVERYTHING
from alertd.db import reading, writing
from alertd.errors import AlertdError, Problem, WrongInput
from alertd.letter import LetterKind, hash_of, mailbox
from alertd.site import Site
from alertd.store import letters, subscriptions
from alertd.subscription import Cause, Choice, How, OptIn
from alertd.suppression import release
from alertd.tables import ContactRow, LetterRow

#: the alarm that says that unusually many leave the list
LEAVING = "leaving"
#: the alarm that says that more links are asked for than are sent
FLOODED = "registering"
#: as many may leave in an hour without an alarm, however short the list
FEW = 20
_HOUR = timedelta(hours=1)


class TooMany(AlertdError):
    """Too many letters are asked for from this network; try again in an hour."""


class LinkGone(AlertdError):
    """The link was used before, is too old, or was never ours."""


class Done(StrEnum):
    """What a confirmation has led to."""

    REGISTERED = "registered"
    CHANGED = "changed"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a link shows: whose it is and what they chose; `choice` None = not registered yet."""

    address: str
    language: str
    choice: Choice | None


def ask(site: Site, address: str, *, language: str, how: How, network: str | None) -> None:
    """Asks for a letter with a link to an address as `alertd.address.email` gives it.

    Writes one row and looks at nothing that depends on the address: whether it is known
    shows neither in the answer nor in its time. The postman decides what is sent, and
    whether. Raises TooMany for a network, or an hour, in which too many were asked for.
    """
    limits = site.config.subscribe
    with writing(site.engine) as session:
        now = site.clock.now()
        since = now - _HOUR
        if (
            network is not None
            and letters.asked_for(session, since, network=network) >= limits.per_network_hour
        ):
            raise TooMany("too many letters were asked for from this network; try again in an hour")
        if letters.asked_for(session, since) >= limits.per_hour:
            message = "unusually many people, or one program, ask for registration links"
            store.raise_alarm(session, FLOODED, message, now)
            full = True
        else:
            full = False
            session.add(new_letter(LetterKind.INVITATION, address, language, how, now, network=network))
    if full:
        raise TooMany("too many letters were asked for; try again in an hour")


def new_letter(
    kind: LetterKind, address: str, language: str, how: How, now: datetime, *, network: str | None = None
) -> LetterRow:
    """A letter that is to be sent at once."""
    return LetterRow(
        kind=kind,
        address=address,
        mailbox_key=mailbox(address),
        domain=address.rpartition("@")[2].lower(),
        language=language,
        how=how,
        network=network,
        created_at=now,
        due_at=now,
        attempt=0,
        nonce=secrets.token_hex(16),
    )


def opened(site: Site, token: str) -> Opened:
    """What the link with this token shows. Changes nothing, however often. Raises LinkGone."""
    with reading(site.engine) as session:
        row = _letter(session, token, site.clock.now())
        contacts = subscriptions.contacts_at(session, row.address)
        contact = contacts[0] if contacts and contacts[0].active else None
        if contact is None:
            return Opened(address=row.address, language=row.language, choice=None)
        choice = subscriptions.choice_of(session, contact) or _listed(session, contact, row.language)
        return Opened(address=row.address, language=row.language, choice=choice)


def confirm(site: Site, token: str, choice: Choice, *, text_version: str) -> Done:
    """Registers the address of a link, or changes what it is told; the link ends with it.

    Who had left, or was taken off because mail came back, is on the list again. Raises
    LinkGone, or WrongInput for a choice without an area or with one that there is not.
    """
    with writing(site.engine) as session:
        now = site.clock.now()
        row = _letter(session, token, now, lock=True)
        opt_in = OptIn(how=How(row.how), network=row.network, text_version=text_version)
        done = _keep(session, site, row.address, choice, opt_in, now)
        row.used_at = now
    return done


def register(site: Site, address: str, choice: Choice, *, by: str, paper: str = "") -> Done:
    """The staff registers an address for somebody, who gets a letter about it. Raises WrongInput.

    `paper` is where the wish is kept that they signed, such as the number of a form.
    """
    with writing(site.engine) as session:
        opt_in = OptIn(how=How.STAFF, by=by, text_version=f"paper:{paper}"[:80] if paper else "")
        return _keep(session, site, address, choice, opt_in, site.clock.now())


def leave_by_link(site: Site, token: str) -> None:
    """Takes the address of a link off the list, at once. Raises LinkGone."""
    with writing(site.engine) as session:
        now = site.clock.now()
        row = _letter(session, token, now, lock=True)
        row.used_at = now
        for contact in subscriptions.contacts_at(session, row.address)[:1]:
            take_off(session, site, contact, Cause.PAGE, now)


def leave(site: Site, contact_id: int, cause: Cause, *, by: str = "recipient") -> bool:
    """Takes a contact off the list, at once and also in the middle of a dispatch; twice is harmless.

    An address that stands on the list twice leaves it twice. False = there is no such contact.
    """
    with writing(site.engine) as session:
        contact = session.get(ContactRow, contact_id)
        if contact is None:
            return False
        take_off(session, site, contact, cause, site.clock.now(), by=by)
        return True


def take_off(
    session: Session,
    site: Site,
    contact: ContactRow,
    cause: Cause,
    now: datetime,
    *,
    by: str = "recipient",
) -> None:
    """The same in the caller's transaction."""
    same = [contact]
    if contact.kind == subscriptions.KIND:
        same = list(subscriptions.contacts_at(session, contact.address, lock=True))
    for one in same:
        if one.active:
            one.active = False
            subscriptions.note_departure(session, one.id, cause, now)
            action = "contact.suspended" if cause is Cause.BOUNCES else "contact.left"
            subject, detail = f"contact:{one.id}", {"kind": one.kind, "cause": str(cause)}
            audit.note(session, at=now, actor=by, action=action, subject=subject, detail=detail)
    letters.drop_links(session, contact.address, now)
    watch_leaving(session, site, now)


def watch_leaving(session: Session, site: Site, now: datetime) -> None:
    """Puts the alarm on when unusually many have left within the last hour, and off when that is over."""
    gone = subscriptions.departures_since(session, now - _HOUR)
    limit = FEW
    if gone > FEW:
        listed = subscriptions.addresses_active(session) + gone
        limit = max(FEW, int(listed * site.config.subscribe.leaving_alarm))
    if gone > limit:
        message = f"{gone} people left the list within an hour; look at the last alert and at the links"
        store.raise_alarm(session, LEAVING, message, now)
    else:
        store.clear_alarm(session, LEAVING)


def watch_asking(session: Session, site: Site, now: datetime) -> None:
    """Puts the alarm of too many requests off when they have become fewer."""
    if letters.asked_for(session, now - _HOUR) < site.config.subscribe.per_hour:
        store.clear_alarm(session, FLOODED)


# private steps ------------------------------------------------------------------------


def _letter(session: Session, token: str, now: datetime, *, lock: bool = False) -> LetterRow:
    row = letters.letter_by_hash(session, hash_of(token), lock=lock)
    usable = row is not None and row.kind == LetterKind.INVITATION and row.used_at is None
    if row is None or not usable or row.link_until is None or row.link_until <= now:
        raise LinkGone("the link was used before or is too old; ask for a new one")
    return row


def _listed(session: Session, contact: ContactRow, language: str) -> Choice:
    """What somebody on the city's own lists is told: everything, where they live."""
    return Choice(
        language=subscriptions.language_of(session, contact) or language,
        areas=(subscriptions.area_of(session, contact),),
        categories=EVERYTHING,
    )


def _keep(session: Session, site: Site, address: str, choice: Choice, opt_in: OptIn, now: datetime) -> Done:
    known = {area.code for area in people.areas(session)}
    if not choice.areas or not known.issuperset(choice.areas):
        raise WrongInput(Problem("areas", "choose at least one area", "地区を1つ以上選んでください。"))
    contacts = subscriptions.contacts_at(session, address, lock=True)
    contact = contacts[0] if contacts else subscriptions.add_contact(session, address, choice, now)
    release(session, contact.kind, address)
    there = bool(contacts) and contact.active
    new = not there or subscriptions.choice_of(session, contact) is None
    contact.active = True
    subscriptions.keep_choice(session, contact, choice, opt_in if new else None, now)
    done = Done.CHANGED if there else Done.REGISTERED
    kind = LetterKind.CHANGED if there else LetterKind.WELCOME
    session.add(new_letter(kind, contact.address, choice.language, opt_in.how, now))
    audit.note(
        session,
        at=now,
        actor=opt_in.by or "recipient",
        action=f"contact.{done}",
        subject=f"contact:{contact.id}",
        detail={"how": str(opt_in.how), "text_version": opt_in.text_version},
    )
    return done
