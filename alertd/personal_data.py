"""Personal data: what is stored about one mail address, to be shown to its owner, or to be erased."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from alertd import audit
from alertd.channel import Outcome, Reason
from alertd.db import reading, writing
from alertd.errors import NotFound
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscribe import take_off
from alertd.subscription import Cause
from alertd.tables import (
    AlertRow,
    ContactRow,
    DeliveryRow,
    DepartureRow,
    DispatchRow,
    LetterRow,
    MembershipRow,
    ReceiptRow,
    RecipientRow,
    SubscriptionRow,
)


def about(site: Site, address: str) -> dict[str, Any]:
    """Everything that is stored about an address, as JSON values; times in UTC. Raises NotFound."""
    with reading(site.engine) as session:
        contacts = subscriptions.contacts_at(session, address)
        letters = session.scalars(
            select(LetterRow)
            .where(LetterRow.address_key.in_({address, address.lower()}))
            .order_by(LetterRow.id)
        ).all()
        if not contacts and not letters:
            raise NotFound("nothing is stored about this address")
        return {
            "address": address,
            "contacts": [_contact(session, contact) for contact in contacts],
            "letters": [
                {
                    "kind": row.kind,
                    "asked_by": row.how,
                    "network": row.network,
                    "asked_at": row.created_at.isoformat(),
                    "sent_at": row.sent_at.isoformat() if row.sent_at else None,
                    "fate": row.fate,
                }
                for row in letters
            ],
        }


def erase(site: Site, address: str, *, by: str) -> int:
    """Erases an address and whoever it alone belonged to; returns how many contacts that were.

    Which alerts went out stays countable; to whom is gone. Somebody who is on the city's
    lists with another address keeps that one. Raises NotFound.
    """
    with writing(site.engine) as session:
        now = site.clock.now()
        contacts = subscriptions.contacts_at(session, address, lock=True)
        letters = LetterRow.address_key.in_({address, address.lower()})
        asked = session.scalar(select(func.count()).select_from(LetterRow).where(letters)) or 0
        if not contacts and not asked:
            raise NotFound("nothing is stored about this address")
        for contact in contacts:
            take_off(session, site, contact, Cause.STAFF, now, by=by)
        for contact in contacts:
            make_nobodys(session, contact)
            subject = f"contact:{contact.id}"
            audit.note(session, at=now, actor=by, action="contact.erased", subject=subject)
        session.execute(delete(LetterRow).where(letters).execution_options(synchronize_session=False))
    return len(contacts)


# private steps ------------------------------------------------------------------------


def _contact(session: Session, contact: ContactRow) -> dict[str, Any]:
    owner = session.get_one(RecipientRow, contact.recipient_id)
    groups = select(MembershipRow.group_name).where(MembershipRow.recipient_id == owner.id)
    row = session.get(SubscriptionRow, contact.id)
    choice = subscriptions.choice_of(session, contact)
    gone = select(DepartureRow).where(DepartureRow.contact_id == contact.id).order_by(DepartureRow.id)
    return {
        "active": contact.active,
        "name": owner.name,
        "kana": owner.kana,
        "area": owner.area,
        "association": owner.association,
        "street": owner.street,
        "language": owner.language,
        "needs_support": owner.needs_support,
        "groups": sorted(session.scalars(groups)),
        "listed_as": owner.external_id,
        "listed_at": owner.created_at.isoformat(),
        "subscription": None
        if row is None or choice is None
        else {
            "areas": list(choice.areas),
            "categories": [str(one) for one in choice.categories],
            "how": row.how,
            "registered_by": row.registered_by,
            "opted_in_at": row.opted_in_at.isoformat(),
            "terms": row.text_version,
            "network": row.network,
            "changed_at": row.changed_at.isoformat(),
        },
        "departures": [{"at": one.at.isoformat(), "cause": one.cause} for one in session.scalars(gone)],
        "alerts": [_alert(*found) for found in session.execute(_alerts(contact.id))],
    }


def _alerts(contact_id: int) -> Any:
    return (
        select(AlertRow.headline, AlertRow.sent, DeliveryRow.channel, DeliveryRow.outcome, DeliveryRow.reason)
        .join(DispatchRow, DispatchRow.alert_id == AlertRow.id)
        .join(DeliveryRow, DeliveryRow.dispatch_id == DispatchRow.id)
        .where(DeliveryRow.contact_id == contact_id)
        .order_by(DeliveryRow.id)
    )


def _alert(headline: str, sent: Any, channel: str, outcome: Outcome | None, reason: Reason | None) -> Any:
    return {
        "headline": headline,
        "sent": sent.isoformat(),
        "channel": channel,
        "outcome": outcome and str(outcome),
        "reason": reason and str(reason),
    }


def is_erased(address: str) -> bool:
    """Whether this stands where an address was."""
    return address.startswith("erased-")


def make_nobodys(session: Session, contact: ContactRow) -> None:
    """Erases a contact in the caller's transaction: rows that others refer to stay, what names somebody goes."""
    told = select(DeliveryRow.id).where(DeliveryRow.contact_id == contact.id)
    for statement in (
        update(ReceiptRow).where(ReceiptRow.delivery_id.in_(told)).values(detail=None, ref=None),
        delete(SubscriptionRow).where(SubscriptionRow.contact_id == contact.id),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
    contact.address, contact.holder, contact.active = f"erased-{contact.id}", "", False
    session.flush()
    ways = select(ContactRow.address).where(ContactRow.recipient_id == contact.recipient_id)
    if all(is_erased(address) for address in session.scalars(ways)):
        owner = session.get_one(RecipientRow, contact.recipient_id)
        owner.name = owner.kana = owner.association = owner.street = ""
        owner.external_id, owner.needs_support, owner.active = None, False, False
        session.execute(
            delete(MembershipRow)
            .where(MembershipRow.recipient_id == owner.id)
            .execution_options(synchronize_session=False)
        )
