"""The directory: recipients found by name, reading, number or association, page by page."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute, Session

from alertd.address import email, phone
from alertd.errors import WrongRecipients
from alertd.kana import hira2kata
from alertd.opened import Opened
from alertd.recipient import RecipientKind
from alertd.tables import AreaRow, ContactRow, RecipientRow

#: so many numbers of recipients are read, and kept opened, as one block
_AT_ONCE = 5000
#: of a sealed text, what is never the same twice: its key's number and its nonce
_SEAL = 24
#: the columns that are kept opened: of recipients, and of their contacts
_OF_PEOPLE = ("name", "kana", "association", "external_id")
_ADDRESS = "address"


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


def search(session: Session, words: str, opened: Opened, *, after: int = 0, limit: int = 50) -> list[Entry]:
    """Active recipients that every word fits, by number, from beyond `after` on; no words = all.

    A word fits a name, a reading in either kana, an association, the number in the list,
    or part of a telephone number or address. Names and addresses are stored encrypted, so
    they are read and looked through here; `opened` keeps what was decrypted for the next
    search, and forgets whoever is not on the list any more.
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
    marks = _marks(session)
    opened.forget_others(_OF_PEOPLE, marks)
    ways: dict[int, bytes] = {}
    if any(word.part is not None for word in wanted) or opened.keeps(_ADDRESS):
        ways = _marks_of_ways(session, marks)
        opened.forget_others((_ADDRESS,), ways)
    found: list[int] = []
    for block in sorted(number for number in marks if (number + 1) * _AT_ONCE > after):
        fitting = _Block(session, opened, block, marks[block], ways.get(block)).fitting(wanted)
        found += sorted(number for number in fitting if number > after)
        if len(found) >= limit:
            break
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


def _marks(session: Session) -> dict[int, bytes]:
    """The blocks that have active recipients, and a mark of each that changes with what is searched in it."""
    block = RecipientRow.id // _AT_ONCE
    told: ColumnElement[str] = cast(RecipientRow.id, String)
    for sealed in (RecipientRow.name, RecipientRow.kana):
        told = told + "," + func.substr(type_coerce(sealed, String), 1, _SEAL)
    told = told + "," + RecipientRow.association + "," + func.coalesce(RecipientRow.external_id, "")
    rows = select(block, func.aggregate_strings(told, "\n")).where(RecipientRow.active).group_by(block)
    return {
        number: hashlib.blake2b(said.encode(), digest_size=16).digest()
        for number, said in session.execute(rows)
    }


def _marks_of_ways(session: Session, people: Mapping[int, bytes]) -> dict[int, bytes]:
    """The blocks whose recipients can be reached, and a mark of each that changes with their addresses."""
    block = ContactRow.recipient_id // _AT_ONCE
    told = cast(ContactRow.id, String) + "," + func.substr(type_coerce(ContactRow.address, String), 1, _SEAL)
    rows = select(block, func.aggregate_strings(told, "\n")).where(ContactRow.active).group_by(block)
    return {
        number: hashlib.blake2b(said.encode(), key=people[number], digest_size=16).digest()
        for number, said in session.execute(rows)
        if number in people
    }


@dataclass(frozen=True, slots=True)
class _Block:
    """The active recipients with `_AT_ONCE` numbers."""

    session: Session
    opened: Opened
    number: int
    mark: bytes
    #: the same of their addresses; None = they have none, or nobody looks for one
    mark_of_ways: bytes | None

    def fitting(self, wanted: Sequence[_Word]) -> set[int]:
        """Those whom every word fits, by number."""
        return set.intersection(*(self._fitting(word) for word in wanted))

    def _fitting(self, word: _Word) -> set[int]:
        found = self._having(RecipientRow.name, word.text) | self._having(RecipientRow.association, word.text)
        found |= self._having(RecipientRow.external_id, word.text, whole=True)
        if word.readable:
            found |= self._having(RecipientRow.kana, word.kana)
        if word.part is not None:
            found |= self._at(word.part)
        return found

    def _having(self, column: InstrumentedAttribute[Any], text: str, *, whole: bool = False) -> set[int]:
        def read() -> Sequence[tuple[int, str]]:
            rows = self.session.execute(
                select(RecipientRow.id, column).where(self._mine, RecipientRow.active)
            )
            return [(number, (said or "").casefold()) for number, said in rows]

        return self.opened.having(column.key, self.number, self.mark, read, text, whole=whole)

    def _at(self, part: str) -> set[int]:
        """Those with this in an address or a number."""
        if self.mark_of_ways is None:
            return set()

        def read() -> Sequence[tuple[int, str]]:
            listed = (
                select(ContactRow.recipient_id, ContactRow.address)
                .join(RecipientRow)
                .where(self._mine, RecipientRow.active, ContactRow.active)
            )
            return [(number, address.casefold()) for number, address in self.session.execute(listed)]

        return self.opened.having(_ADDRESS, self.number, self.mark_of_ways, read, part)

    @property
    def _mine(self) -> ColumnElement[bool]:
        first = self.number * _AT_ONCE
        return RecipientRow.id.between(first, first + _AT_ONCE - 1)


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
