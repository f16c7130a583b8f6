"""Subscriptions: who is registered at an address, what they chose, who left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from alertd.category import as_bits, from_bits
from alertd.recipient import RecipientKind
from alertd.subscription import Cause, Choice, OptIn
from alertd.tables import ContactRow, DepartureRow, RecipientRow, SubscribedAreaRow, SubscriptionRow

#: the kind of contact that people register by themselves
KIND = "email"
#: what lists call somebody who has registered by themselves
NAMELESS = "メール登録者"


def contacts_at(session: Session, address: str, *, lock: bool = False) -> Sequence[ContactRow]:
    """The contacts of a mail address, active ones first; the first one is the subscriber's."""
    query = (
        select(ContactRow)
        .where(ContactRow.kind == KIND, ContactRow.address_key.in_({address, address.lower()}))
        .order_by(ContactRow.active.desc(), ContactRow.id)
    )
    return session.scalars(query.with_for_update() if lock else query).all()


def choice_of(session: Session, contact: ContactRow) -> Choice | None:
    """What a contact is told about; None for one of the city's own lists, which is told everything."""
    row = session.get(SubscriptionRow, contact.id)
    if row is None:
        return None
    areas = session.scalars(
        select(SubscribedAreaRow.area)
        .where(SubscribedAreaRow.contact_id == contact.id)
        .order_by(SubscribedAreaRow.area)
    )
    return Choice(
        language=language_of(session, contact), areas=tuple(areas), categories=from_bits(row.categories)
    )


def language_of(session: Session, contact: ContactRow) -> str:
    """The language that the contact's owner reads."""
    return session.get_one(RecipientRow, contact.recipient_id).language


def area_of(session: Session, contact: ContactRow) -> str:
    """Where the contact's owner lives."""
    return session.get_one(RecipientRow, contact.recipient_id).area


def add_contact(session: Session, address: str, choice: Choice, now: datetime) -> ContactRow:
    """A new recipient, whose name nobody asked for, and their address."""
    recipient = RecipientRow(
        name=NAMELESS,
        kind=RecipientKind.PERSON,
        area=choice.areas[0],
        language=choice.language,
        active=True,
        created_at=now,
    )
    session.add(recipient)
    session.flush()
    contact = ContactRow(recipient_id=recipient.id, kind=KIND, address=address, active=True)
    session.add(contact)
    session.flush()
    return contact


def keep_choice(
    session: Session, contact: ContactRow, choice: Choice, opt_in: OptIn | None, now: datetime
) -> None:
    """Stores what a contact is told about; `opt_in` begins its subscription, None changes it."""
    row = session.get(SubscriptionRow, contact.id)
    if row is None or opt_in is not None:
        given = opt_in
        assert given is not None, "a subscription begins with an opt-in"
        if row is None:
            row = SubscriptionRow(contact_id=contact.id)
            session.add(row)
        row.how, row.registered_by, row.network = given.how, given.by, given.network
        row.opted_in_at, row.text_version = now, given.text_version
    row.categories, row.changed_at = as_bits(choice.categories), now
    session.flush()
    session.execute(delete(SubscribedAreaRow).where(SubscribedAreaRow.contact_id == contact.id))
    session.execute(
        insert(SubscribedAreaRow), [{"contact_id": contact.id, "area": code} for code in choice.areas]
    )
    recipient = session.get_one(RecipientRow, contact.recipient_id)
    recipient.language = choice.language
    alone = select(func.count()).select_from(ContactRow).where(ContactRow.recipient_id == recipient.id)
    if session.scalar(alone) == 1:  # the area of others on a list is where they live, and the city knows it
        recipient.area = choice.areas[0]


def note_departure(session: Session, contact_id: int, cause: Cause, now: datetime) -> None:
    """Writes down that an address has left the list."""
    session.add(DepartureRow(contact_id=contact_id, at=now, cause=cause))
    session.flush()


def departures_since(session: Session, since: datetime) -> int:
    """How many have left by themselves since then."""
    own = DepartureRow.cause.in_((Cause.LINK, Cause.PAGE))
    return (
        session.scalar(select(func.count()).select_from(DepartureRow).where(DepartureRow.at >= since, own))
        or 0
    )


def addresses_active(session: Session) -> int:
    """How many mail addresses are on the list."""
    return (
        session.scalar(
            select(func.count()).select_from(ContactRow).where(ContactRow.kind == KIND, ContactRow.active)
        )
        or 0
    )


def subscribers(session: Session) -> Iterator[tuple[str, Choice]]:
    """All active subscribers with what they chose, in the order of their registration."""
    areas: dict[int, list[str]] = {}
    rows = select(SubscribedAreaRow).order_by(SubscribedAreaRow.area)
    for row in session.scalars(rows):
        areas.setdefault(row.contact_id, []).append(row.area)
    found = session.execute(
        select(ContactRow.id, ContactRow.address, RecipientRow.language, SubscriptionRow.categories)
        .join(SubscriptionRow, SubscriptionRow.contact_id == ContactRow.id)
        .join(RecipientRow, RecipientRow.id == ContactRow.recipient_id)
        .where(ContactRow.active, RecipientRow.active)
        .order_by(ContactRow.id)
    )
    for number, address, language, bits in found:
        yield (
            address,
            Choice(language=language, areas=tuple(areas.get(number, ())), categories=from_bits(bits)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One subscriber with the record of the opt-in."""

    contact_id: int
    address: str
    active: bool
    choice: Choice
    how: str
    #: who of the staff registered them; None = they did it themselves
    by: str | None
    opted_in_at: datetime
    text_version: str


def listed(
    session: Session, *, address: str | None = None, after: int = 0, limit: int = 50
) -> Sequence[Listed]:
    """Subscribers by number from beyond `after` on, those who have left too; `address` = at this one only."""
    query = (
        select(ContactRow, RecipientRow.language, SubscriptionRow)
        .join(SubscriptionRow, SubscriptionRow.contact_id == ContactRow.id)
        .join(RecipientRow, RecipientRow.id == ContactRow.recipient_id)
        .where(ContactRow.kind == KIND, ContactRow.id > after)
        .order_by(ContactRow.id)
        .limit(limit)
    )
    if address is not None:
        query = query.where(ContactRow.address_key.in_({address, address.lower()}))
    rows = session.execute(query).all()
    areas: dict[int, list[str]] = {}
    chosen = select(SubscribedAreaRow).where(
        SubscribedAreaRow.contact_id.in_([contact.id for contact, _, _ in rows])
    )
    for row in session.scalars(chosen.order_by(SubscribedAreaRow.area)):
        areas.setdefault(row.contact_id, []).append(row.area)
    return [
        Listed(
            contact_id=contact.id,
            address=contact.address,
            active=contact.active,
            choice=Choice(
                language=language,
                areas=tuple(areas.get(contact.id, ())),
                categories=from_bits(subscription.categories),
            ),
            how=subscription.how,
            by=subscription.registered_by,
            opted_in_at=subscription.opted_in_at,
            text_version=subscription.text_version,
        )
        for contact, language, subscription in rows
    ]
