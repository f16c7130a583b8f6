"""The directory: recipients found by name, reading, number or association, page by page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import jaconv
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from alertd.recipient import RecipientKind
from alertd.tables import AreaRow, ContactRow, RecipientRow


@dataclass(frozen=True, slots=True)
class Way:
    """One contact: its kind, its address, and who answers there (empty = the recipient)."""

    kind: str
    address: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One recipient as the directory shows it."""

    recipient_id: int
    external_id: str | None
    name: str
    kana: str
    kind: RecipientKind
    area_name: str
    association: str
    street: str
    needs_support: bool
    ways: tuple[Way, ...]

    @property
    def callable(self) -> bool:
        """Whether there is a telephone number."""
        return any(way.kind == "voice" for way in self.ways)


def search(session: Session, words: str, *, after: int = 0, limit: int = 50) -> list[Entry]:
    """Active recipients that every word fits, by number, from beyond `after` on; no words = all."""
    rules = [_fits(word) for word in unicodedata.normalize("NFKC", words).split()]
    return _entries(session, [RecipientRow.id > after, *rules], limit)


def at(session: Session, addresses: Collection[str], limit: int) -> list[Entry]:
    """Active recipients who have one of these addresses."""
    having = select(ContactRow.recipient_id).where(ContactRow.address.in_(addresses), ContactRow.active)
    return _entries(session, [RecipientRow.id.in_(having)], limit)


def entry(session: Session, recipient_id: int) -> Entry | None:
    """One active recipient."""
    found = _entries(session, [RecipientRow.id == recipient_id], 1)
    return found[0] if found else None


def _fits(word: str) -> ColumnElement[bool]:
    """A name, a reading in either kana, an association, the number in the list, or part of a number."""
    piece = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rules: list[ColumnElement[bool]] = [
        RecipientRow.name.like(f"%{piece}%", escape="\\"),
        RecipientRow.kana.like(f"%{jaconv.hira2kata(piece)}%", escape="\\"),
        RecipientRow.association.like(f"%{piece}%", escape="\\"),
        RecipientRow.external_id == word,
    ]
    digits = re.sub(r"[-()+ ]", "", word)
    if "@" in word or (digits.isdigit() and len(digits) >= 4):
        part = piece if "@" in word else digits.removeprefix("0")
        having = select(ContactRow.recipient_id).where(
            ContactRow.address.like(f"%{part}%", escape="\\"), ContactRow.active
        )
        rules.append(RecipientRow.id.in_(having))
    return or_(*rules)


def _entries(session: Session, rules: Sequence[ColumnElement[bool]], limit: int) -> list[Entry]:
    rows = session.execute(
        select(RecipientRow, AreaRow.name)
        .outerjoin(AreaRow, AreaRow.code == RecipientRow.area)
        .where(RecipientRow.active, *rules)
        .order_by(RecipientRow.id)
        .limit(limit)
    ).all()
    ways: dict[int, list[Way]] = {}
    contacts = session.scalars(
        select(ContactRow)
        .where(ContactRow.recipient_id.in_([row.id for row, _ in rows]), ContactRow.active)
        .order_by(ContactRow.preference, ContactRow.id)
    )
    for contact in contacts:
        way = Way(contact.kind, contact.address, contact.holder)
        ways.setdefault(contact.recipient_id, []).append(way)
    return [
        Entry(
            recipient_id=row.id,
            external_id=row.external_id,
            name=row.name,
            kana=row.kana,
            kind=row.kind,
            area_name=area or row.area,
            association=row.association,
            street=row.street,
            needs_support=row.needs_support,
            ways=tuple(ways.get(row.id, ())),
        )
        for row, area in rows
    ]
