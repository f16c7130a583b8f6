"""Retention: what is old enough is erased or made nobody's. `[retention]` says how old that is.

Alerts, approvals and the audit trail stay; so do the counts of how many were reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from alertd import audit, personal_data
from alertd.db import reading, writing
from alertd.roll_up import old_enough, roll_up
from alertd.site import Site
from alertd.store.subscriptions import KIND
from alertd.suppression import suppress
from alertd.tables import (
    ArtefactRow,
    ContactRow,
    DepartureRow,
    DispatchRow,
    ReceiptRow,
    TakingRow,
)

#: contacts that are erased in one transaction
_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """What a run took away, or would take away."""

    #: contacts whose owners left
    contacts: int
    #: receipts that lost the far end's own words and reference
    receipts: int
    #: notes of visitors
    notes: int
    #: sound files
    sounds: int
    #: dispatches of which counts are left
    dispatches: int


def run(site: Site, *, by: str, dry_run: bool = False) -> Retained:
    """Takes away what is due; twice is the same as once. One audit row says how much it was."""
    settings, now = site.config.retention, site.clock.now()
    receipts = _before(ReceiptRow.received_at, now, settings.receipt_days) & or_(
        ReceiptRow.ref.is_not(None), ReceiptRow.detail.is_not(None)
    )
    notes = _before(TakingRow.visited_at, now, settings.note_days) & TakingRow.note.is_not(None)
    with reading(site.engine) as session:
        contacts = [
            *_left(session, ContactRow.kind == KIND, now - timedelta(days=settings.mail_days)),
            *_left(session, ContactRow.kind != KIND, now - timedelta(days=settings.number_days)),
        ]
        sounds = _sounds(session, site.config.storage / "audio", now - timedelta(days=settings.sound_days))
        over = old_enough(session, now - timedelta(days=settings.delivery_days))
        found = Retained(
            contacts=len(contacts),
            receipts=session.scalar(select(func.count()).select_from(ReceiptRow).where(receipts)) or 0,
            notes=session.scalar(select(func.count()).select_from(TakingRow).where(notes)) or 0,
            sounds=len(sounds),
            dispatches=len(over),
        )
    if dry_run:
        return found
    for number in over:
        roll_up(site, number)
    for begin in range(0, len(contacts), _AT_ONCE):
        _erase(site, contacts[begin : begin + _AT_ONCE], now)
    with writing(site.engine) as session:
        for statement in (
            update(ReceiptRow).where(receipts).values(ref=None, detail=None),
            update(TakingRow).where(notes).values(note=None),
        ):
            session.execute(statement.execution_options(synchronize_session=False))
        detail = asdict(found)
        if any(detail.values()):
            audit.note(session, at=now, actor=by, action="retention.run", subject="retention", detail=detail)
    for file in sounds:
        file.unlink(missing_ok=True)
    return found


def _before(
    column: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None], now: datetime, days: int
) -> ColumnElement[bool]:
    return column <= now - timedelta(days=days)


def _left(session: Session, which: ColumnElement[bool], before: datetime) -> Sequence[int]:
    """Contacts that are switched off, left before then for the last time, and are not erased yet."""
    last = (
        select(DepartureRow.contact_id, func.max(DepartureRow.at).label("at"))
        .group_by(DepartureRow.contact_id)
        .subquery()
    )
    rows = session.execute(
        select(ContactRow.id, ContactRow.address)
        .join(last, last.c.contact_id == ContactRow.id)
        .where(~ContactRow.active, last.c.at <= before, which)
        .order_by(ContactRow.id)
    )
    return [number for number, address in rows if not personal_data.is_erased(address)]


def _erase(site: Site, contacts: Sequence[int], now: datetime) -> None:
    with writing(site.engine) as session:
        for number in contacts:
            contact = session.get_one(ContactRow, number, with_for_update=True)
            if contact.active or personal_data.is_erased(contact.address):
                continue  # its owner came back meanwhile
            suppress(session, contact.kind, contact.address, now)
            personal_data.make_nobodys(session, contact)


def _sounds(session: Session, archive: Path, before: datetime) -> list[Path]:
    """Files that belong to dispatches that ended before then, and to no other."""
    if not archive.is_dir():
        return []
    over = exists().where(
        DispatchRow.id == ArtefactRow.dispatch_id,
        or_(DispatchRow.finished_at <= before, DispatchRow.cancelled_at <= before),
    )
    digest = ArtefactRow.audio_digest
    old = set(session.scalars(select(digest).where(digest.is_not(None), over)))
    needed = set(session.scalars(select(digest).where(digest.is_not(None), ~over)))
    return sorted(file for file in archive.iterdir() if file.stem in old - needed)
