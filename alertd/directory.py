"""The directory: recipients found by name, reading, number or association, page by page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Row, null, select
from sqlalchemy.orm import Session

from alertd.address import email, phone
from alertd.errors import WrongRecipients
from alertd.kana import hira2kata
from alertd.recipient import RecipientKind
from alertd.tables import AreaRow, ContactRow, RecipientRow

#: so many recipients are read at once
_AT_ONCE = 5000


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
    """Active recipients that every word fits, by number, from beyond `after` on; no words = all.

    A word fits a name, a reading in either kana, an association, the number in the list,
    or part of a telephone number or address. Names are stored encrypted, so they are read
    and looked through here: 100,000 of them in about half a second.
    """
    typed = unicodedata.normalize("NFKC", words).split()
    if not typed:
        return _entries(session, [RecipientRow.id > after], limit)
    if len(typed) == 1 and (whole := _whole(typed[0])):  # the usual case: somebody has called
        having = select(ContactRow.recipient_id).where(ContactRow.address_key.in_(whole), ContactRow.active)
        exact = _entries(session, [RecipientRow.id > after, RecipientRow.id.in_(having)], limit)
        if exact:
            return exact
    wanted = [_Word.of(word) for word in typed]
    found: list[int] = []
    while len(found) < limit:
        last, fitting = _look_through(session, wanted, after)
        found += fitting
        if last is None:
            break
        after = last
    return _entries(session, [RecipientRow.id.in_(found[:limit])], limit)


def at(session: Session, addresses: Collection[str], limit: int) -> list[Entry]:
    """Active recipients who have one of these addresses."""
    having = select(ContactRow.recipient_id).where(ContactRow.address_key.in_(addresses), ContactRow.active)
    return _entries(session, [RecipientRow.id.in_(having)], limit)


def entry(session: Session, recipient_id: int) -> Entry | None:
    """One active recipient."""
    found = _entries(session, [RecipientRow.id == recipient_id], 1)
    return found[0] if found else None


def _whole(word: str) -> tuple[str, ...]:
    """What the word would be stored as, if it is a whole address or number."""
    try:
        return (word, email(word) if "@" in word else phone(word))
    except WrongRecipients:
        return ()


@dataclass(frozen=True, slots=True)
class _Word:
    """One word that somebody looks for."""

    text: str
    kana: str
    #: part of an address or a number; None = the word is neither
    part: str | None

    @classmethod
    def of(cls, word: str) -> _Word:
        digits = re.sub(r"[-()+ ]", "", word)
        number = digits.removeprefix("0") if digits.isdigit() and len(digits) >= 4 else None
        text = word.casefold()
        return cls(text, hira2kata(text), text if "@" in word else number)

    @property
    def readable(self) -> bool:
        """Whether a reading could have it: it has no kanji."""
        return not any("\u3400" <= letter <= "\u9fff" for letter in self.text)

    def fits(self, row: _Row, addresses: Sequence[str]) -> bool:
        _, name, kana, association, external_id = row
        return (
            self.text in name.casefold()
            or (kana is not None and self.kana in kana)
            or self.text in association.casefold()
            or self.text == (external_id or "").casefold()
            or (self.part is not None and any(self.part in address.casefold() for address in addresses))
        )


#: id, name, reading (None = was not read), association, number in the list
_Row = Row[int, str, str | None, str, str | None]


def _look_through(session: Session, wanted: Sequence[_Word], after: int) -> tuple[int | None, list[int]]:
    """The next recipients: the last number that was read (None = there are no more), and those that fit."""
    reading = RecipientRow.kana if any(word.readable for word in wanted) else null()
    rows = session.execute(
        select(
            RecipientRow.id, RecipientRow.name, reading, RecipientRow.association, RecipientRow.external_id
        )
        .where(RecipientRow.active, RecipientRow.id > after)
        .order_by(RecipientRow.id)
        .limit(_AT_ONCE)
    ).all()
    addresses: dict[int, list[str]] = {}
    if rows and any(word.part is not None for word in wanted):
        between = ContactRow.recipient_id.between(rows[0][0], rows[-1][0])
        listed = select(ContactRow.recipient_id, ContactRow.address).where(between, ContactRow.active)
        for number, address in session.execute(listed):
            addresses.setdefault(number, []).append(address)
    fitting = [row[0] for row in rows if all(word.fits(row, addresses.get(row[0], ())) for word in wanted)]
    return rows[-1][0] if len(rows) == _AT_ONCE else None, fitting


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
