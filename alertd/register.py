"""Registering: a list of recipients becomes rows, updated in place and never silently deleted.

A recipient of the list is the stored one with the same number in the list, else the
one that has one of its addresses. Only the kinds of address that the list names are
touched. Who has left the list stays away: an import does not bring anybody back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.orm import Session

from alertd import audit
from alertd.city import City
from alertd.db import upgrade, writing
from alertd.errors import NotFound
from alertd.recipient import Contact, Recipient
from alertd.rotation import check_keys
from alertd.site import Site
from alertd.store.planning import may_take_contacts_away
from alertd.suppression import suppressed
from alertd.tables import AreaRow, ContactRow, DeliveryRow, MembershipRow, RecipientRow
from alertd.zones import zones

_T = TypeVar("_T")

#: recipients in one transaction; SQLite has one writer, and it must not wait for long
CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What an import changed, or would change."""

    new: int
    changed: int
    unchanged: int
    #: addresses that are listed, and whose owners have left: they stay switched off
    left: int

    @property
    def total(self) -> int:
        """All recipients of the list."""
        return self.new + self.changed + self.unchanged


def register(
    site: Site,
    recipients: Sequence[Recipient],
    *,
    by: str,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda number: None,
) -> Registered:
    """Stores recipients; twice is the same as once. `progress` is told how many are done.

    Each thousand is one transaction: after an interruption the same list can be
    imported again. With `dry_run` nothing is written.
    """
    counts: Counter[str] = Counter()
    done = 0
    for begin in range(0, len(recipients), CHUNK):
        chunk = recipients[begin : begin + CHUNK]
        with writing(site.engine) as session:
            plan = _compare(session, chunk)
            counts.update(plan.counts)
            if not dry_run:
                _write(session, plan, site.clock.now())
        done += len(chunk)
        progress(done)
    found = Registered(**{name: counts[name] for name in ("new", "changed", "unchanged", "left")})
    if not dry_run and found.total:
        with writing(site.engine) as session:
            detail = {"new": found.new, "changed": found.changed, "unchanged": found.unchanged}
            now = site.clock.now()
            audit.note(
                session, at=now, actor=by, action="recipients.imported", subject="recipients", detail=detail
            )
    return found


def registered(session: Session) -> Iterator[Recipient]:
    """All active recipients with their active contacts, in the order of their registration."""
    groups: dict[int, list[str]] = {}
    for number, name in session.execute(select(MembershipRow.recipient_id, MembershipRow.group_name)):
        groups.setdefault(number, []).append(name)
    contacts: dict[int, list[Contact]] = {}
    rows = session.execute(
        select(
            ContactRow.recipient_id,
            ContactRow.kind,
            ContactRow.address,
            ContactRow.preference,
            ContactRow.section,
            ContactRow.holder,
        )
        .where(ContactRow.active)
        .order_by(ContactRow.preference, ContactRow.id)
    )
    for number, kind, address, preference, section, holder in rows:
        contacts.setdefault(number, []).append(
            Contact(kind=kind, address=address, preference=preference, section=section, holder=holder or None)
        )
    for row in session.scalars(select(RecipientRow).where(RecipientRow.active).order_by(RecipientRow.id)):
        yield Recipient(
            name=row.name,
            area=row.area,
            contacts=tuple(contacts.get(row.id, ())),
            kana=row.kana,
            kind=row.kind,
            language=row.language,
            groups=tuple(sorted(groups.get(row.id, ()))),
            association=row.association or None,
            street=row.street or None,
            needs_support=row.needs_support,
            external_id=row.external_id,
        )


def owner_of(session: Session, kind: str, address: str) -> int:
    """The active recipient who has this address. Raises NotFound."""
    found = session.scalar(
        select(ContactRow.recipient_id)
        .join(RecipientRow, RecipientRow.id == ContactRow.recipient_id)
        .where(
            ContactRow.kind == kind, ContactRow.address_key == address, ContactRow.active, RecipientRow.active
        )
        .order_by(ContactRow.preference, ContactRow.id)
        .limit(1)
    )
    if found is None:
        raise NotFound("nobody in the register has this address")
    return found


def install(site: Site) -> None:
    """Makes the tables, and the zones of the default city when there are no areas; twice is harmless.

    Raises WrongSecret when the keys in `storage` are not those of this database.
    """
    upgrade(site.engine)
    check_keys(site)
    with writing(site.engine) as session:
        default = City.model_fields["code"].default
        if site.config.city.code == default and session.scalar(select(AreaRow.code).limit(1)) is None:
            session.add_all(
                AreaRow(
                    code=zone.code,
                    name=zone.name,
                    name_kana=zone.kana,
                    name_en=zone.name_en,
                    households=zone.households,
                    position=position,
                )
                for position, zone in enumerate(zones(), start=1)
            )


# private steps ------------------------------------------------------------------------


@dataclass(slots=True)
class _Stored:
    """A recipient as it is stored, with what the list can change."""

    id: int
    values: Mapping[str, object]
    groups: frozenset[str]
    #: (kind, address) → row
    contacts: dict[tuple[str, str], ContactRow]


@dataclass(slots=True)
class _Plan:
    """What a part of a list means: new recipients, and stored ones with their new values."""

    new: list[Recipient] = field(default_factory=list)
    changed: list[tuple[_Stored, Recipient]] = field(default_factory=list)
    unchanged: int = 0
    left: int = 0

    @property
    def counts(self) -> Mapping[str, int]:
        return {
            "new": len(self.new),
            "changed": len(self.changed),
            "unchanged": self.unchanged,
            "left": self.left,
        }


_LISTED = (
    "name", "kana", "kind", "area", "association", "street", "language", "needs_support", "external_id",
)  # fmt: skip


#: columns that a list may lack; then what is stored stands
_OPTIONAL = ("external_id", "association", "street")


def _values(recipient: Recipient) -> dict[str, object]:
    """What the list says of the recipient."""
    found = {name: getattr(recipient, name) for name in _LISTED}
    return {name: value for name, value in found.items() if value is not None or name not in _OPTIONAL}


def _compare(session: Session, chunk: Sequence[Recipient]) -> _Plan:
    plan = _Plan()
    by_number, by_address = _stored(session, chunk)
    left = suppressed(session, [(one.kind, one.address) for person in chunk for one in person.contacts])
    for listed in chunk:
        kept = tuple(one for one in listed.contacts if (one.kind, one.address) not in left)
        plan.left += len(listed.contacts) - len(kept)
        if listed.contacts and not kept:
            continue
        recipient = replace(listed, contacts=kept)
        stored = by_number.get(recipient.external_id or "")
        if stored is None:
            addresses = ((contact.kind, contact.address) for contact in recipient.contacts)
            stored = next((by_address[key] for key in addresses if key in by_address), None)
        if stored is None:
            plan.new.append(recipient)
            continue
        keys = {(contact.kind, contact.address) for contact in recipient.contacts}
        plan.left += sum(not stored.contacts[key].active for key in keys if key in stored.contacts)
        if _same(stored, recipient):
            plan.unchanged += 1
        else:
            plan.changed.append((stored, recipient))
    return plan


def _same(stored: _Stored, recipient: Recipient) -> bool:
    values = {**stored.values, **_values(recipient)}
    listed = {(contact.kind, contact.address): contact for contact in recipient.contacts}
    kinds = {kind for kind, _ in listed}
    return (
        stored.values == {**values, "active": True}
        and stored.groups == frozenset(recipient.groups)
        and {key for key, row in stored.contacts.items() if key[0] in kinds and (row.active or key in listed)}
        == set(listed)
        and all(
            (row.preference, row.section) == (listed[key].preference, listed[key].section)
            and listed[key].holder in (None, row.holder)
            for key, row in stored.contacts.items()
            if key in listed
        )
    )


def _stored(
    session: Session, chunk: Sequence[Recipient]
) -> tuple[dict[str, _Stored], dict[tuple[str, str], _Stored]]:
    """The stored recipients that this part of the list may mean, by number and by address."""
    numbers = [recipient.external_id for recipient in chunk if recipient.external_id]
    addresses = {contact.address for recipient in chunk for contact in recipient.contacts}
    owners = set(session.scalars(select(RecipientRow.id).where(RecipientRow.external_id.in_(numbers))))
    for some in _pieces(sorted(addresses)):
        owners |= set(
            session.scalars(select(ContactRow.recipient_id).where(ContactRow.address_key.in_(some)))
        )
    found: dict[int, _Stored] = {}
    for ids in _pieces(sorted(owners)):
        for row in session.scalars(select(RecipientRow).where(RecipientRow.id.in_(ids))):
            values = {name: getattr(row, name) for name in (*_LISTED, "active")}
            found[row.id] = _Stored(row.id, values, frozenset(), {})
        members = select(MembershipRow).where(MembershipRow.recipient_id.in_(ids))
        for member in session.scalars(members):
            found[member.recipient_id].groups |= {member.group_name}
        for contact in session.scalars(select(ContactRow).where(ContactRow.recipient_id.in_(ids))):
            found[contact.recipient_id].contacts[contact.kind, contact.address] = contact
    by_number = {str(one.values["external_id"]): one for one in found.values() if one.values["external_id"]}
    return by_number, {key: one for one in found.values() for key in one.contacts}


def _pieces(items: Sequence[_T], size: int = 5000) -> Iterator[Sequence[_T]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def _write(session: Session, plan: _Plan, now: datetime) -> None:
    numbers: list[int] = []
    if plan.new:
        blank = {"external_id": None, "association": "", "street": "", "active": True, "created_at": now}
        rows = [{**blank, **_values(recipient)} for recipient in plan.new]
        inserted = session.scalars(
            insert(RecipientRow).returning(RecipientRow.id, sort_by_parameter_order=True), rows
        )
        numbers = list(inserted)
    contacts = [
        row for number, one in zip(numbers, plan.new, strict=True) for row in _contacts(number, one.contacts)
    ]
    groups = [
        {"recipient_id": number, "group_name": name}
        for number, one in zip(numbers, plan.new, strict=True)
        for name in sorted(set(one.groups))
    ]
    gone: list[int] = []
    for stored, recipient in plan.changed:
        values = {**_values(recipient), "active": True}
        session.execute(update(RecipientRow).where(RecipientRow.id == stored.id).values(values))
        gone += _gone(stored, recipient)
        contacts += _contacts(stored.id, _change_contacts(stored, recipient))
        if stored.groups != frozenset(recipient.groups):
            session.execute(delete(MembershipRow).where(MembershipRow.recipient_id == stored.id))
            groups += [
                {"recipient_id": stored.id, "group_name": name} for name in sorted(set(recipient.groups))
            ]
    if contacts:
        session.execute(insert(ContactRow), contacts)
    if groups:
        session.execute(insert(MembershipRow), groups)
    _take_away(session, gone)


def _contacts(recipient_id: int, contacts: Iterable[Contact]) -> list[dict[str, object]]:
    return [
        {
            "recipient_id": recipient_id,
            "kind": contact.kind,
            "section": contact.section,
            "address": contact.address,
            "preference": contact.preference,
            "holder": contact.holder or "",
            "active": True,
        }
        for contact in contacts
    ]


def _change_contacts(stored: _Stored, recipient: Recipient) -> list[Contact]:
    """Brings stored contacts that are listed in line with the list; returns those that are new."""
    listed = {(contact.kind, contact.address): contact for contact in recipient.contacts}
    for key, row in stored.contacts.items():
        if key in listed:
            row.preference, row.section = listed[key].preference, listed[key].section
            row.holder = row.holder if listed[key].holder is None else listed[key].holder or ""
    return [contact for key, contact in listed.items() if key not in stored.contacts]


def _gone(stored: _Stored, recipient: Recipient) -> list[int]:
    """Stored contacts that the list no longer has."""
    listed = {(contact.kind, contact.address) for contact in recipient.contacts}
    kinds = {kind for kind, _ in listed}
    return [row.id for key, row in stored.contacts.items() if key[0] in kinds and key not in listed]


def _take_away(session: Session, gone: Sequence[int]) -> None:
    """An address that the list no longer has goes; one that something was sent to, or just may be, is switched off.

    The last thing that a transaction does: planning waits for its end, and nothing that it
    does from here on waits for anybody who waits for that.
    """
    if not gone:
        return
    session.flush()
    ours = ContactRow.id.in_(gone)
    unsynchronized = {"synchronize_session": False}
    session.execute(update(ContactRow).where(ours).values(active=False), execution_options=unsynchronized)
    if may_take_contacts_away(session):
        used = exists().where(DeliveryRow.contact_id == ContactRow.id)
        session.execute(delete(ContactRow).where(ours, ~used), execution_options=unsynchronized)
