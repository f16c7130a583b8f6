"""The audit trail: who did what, in the transaction that did it, each row hashed onto the last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, select, text
from sqlalchemy.orm import Session

from alertd.tables import AuditRow

#: what the first row follows
BEGINNING = "0" * 64
#: the advisory lock that serialises writers on PostgreSQL; SQLite has one writer anyway
_LOCK = 0x616C6572
#: who acts when no person does
ENGINE = "alertd"
#: so many rows are fetched at once when the trail is read
_BATCH = 5_000


class Head(NamedTuple):
    """The end of the trail: whoever knows it can tell later whether anything before it was changed."""

    rows: int
    entry_hash: str


def note(
    session: Session,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Writes one row in the caller's transaction; `detail` holds no personal data."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    words = chained(head(session), at=at, actor=actor, action=action, subject=subject, detail=detail)
    session.add(AuditRow(**words))
    session.flush()


def chained(
    last: Head,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The columns of the row that follows `last`."""
    number = last.rows + 1  # without gaps, so that a row cannot be taken out or put in
    kept = dict(detail or {})
    return {
        "id": number,
        "at": at,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": kept,
        "previous_hash": last.entry_hash,
        "entry_hash": _entry_hash(number, at, actor, action, subject, _written(kept), last.entry_hash),
    }


def head(session: Session) -> Head:
    """The latest row; of an empty trail no rows and the hash that the first row follows."""
    last = session.execute(
        select(AuditRow.id, AuditRow.entry_hash).order_by(AuditRow.id.desc()).limit(1)
    ).first()
    return Head(last.id, last.entry_hash) if last is not None else Head(0, BEGINNING)


def verify(session: Session, seen: Callable[[Head], None] | None = None) -> int | None:
    """The number of the first row that does not fit; None when the whole trail does.

    Every stored byte counts: a row's hash covers its number, and its detail as it is
    written. `seen` is told of each row that fits. What was cut off at the end leaves a
    shorter trail that fits; `alertd.anchor` finds that.
    """
    number, previous = 0, BEGINNING
    columns = (
        AuditRow.id,
        AuditRow.at,
        AuditRow.actor,
        AuditRow.action,
        AuditRow.subject,
        cast(AuditRow.detail, Text).label("detail"),
        AuditRow.previous_hash,
        AuditRow.entry_hash,
    )
    rows = session.connection().execute(
        select(*columns).order_by(AuditRow.id).execution_options(yield_per=_BATCH)
    )
    with closing(rows):
        for row_id, at, actor, action, subject, detail, previous_hash, entry_hash in chain.from_iterable(
            rows.partitions(_BATCH)
        ):
            number += 1
            found = _entry_hash(row_id, at, actor, action, subject, detail, previous_hash)
            if row_id != number or previous_hash != previous or entry_hash != found:
                return number
            previous = entry_hash
            if seen is not None:
                seen(Head(number, entry_hash))
    return None


def _written(detail: Mapping[str, Any]) -> str:
    """The detail as the database layer writes it."""
    return json.dumps(detail)


def _entry_hash(
    number: int, at: datetime, actor: str, action: str, subject: str, detail: str, previous_hash: str
) -> str:
    row, time = str(number), at.isoformat()
    # each with its length in front, so that no two rows have the same text; written out, because
    # a trail of a million rows is verified while somebody waits
    document = (
        f"{len(row)}:{row},{len(time)}:{time},{len(actor)}:{actor},{len(action)}:{action},"
        f"{len(subject)}:{subject},{len(detail)}:{detail},{len(previous_hash)}:{previous_hash},"
    )
    return hashlib.sha256(document.encode()).hexdigest()
