"""The audit trail: who did what, in the transaction that did it, each row hashed onto the last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from alertd.tables import AuditRow

#: what the first row follows
BEGINNING = "0" * 64
#: the advisory lock that serialises writers on PostgreSQL; SQLite has one writer anyway
_LOCK = 0x616C6572
#: who acts when no person does
ENGINE = "alertd"


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
    last = session.scalar(select(AuditRow.entry_hash).order_by(AuditRow.id.desc()).limit(1))
    row = AuditRow(
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=dict(detail or {}),
        previous_hash=last or BEGINNING,
        entry_hash="",
    )
    row.entry_hash = _entry_hash(row)
    session.add(row)
    session.flush()


def verify(session: Session) -> int | None:
    """The number of the first row that does not fit; None when the whole trail does."""
    previous = BEGINNING
    with closing(
        session.scalars(select(AuditRow).order_by(AuditRow.id).execution_options(yield_per=1000))
    ) as rows:
        for row in rows:
            if row.previous_hash != previous or row.entry_hash != _entry_hash(row):
                return row.id
            previous = row.entry_hash
    return None


def _entry_hash(row: AuditRow) -> str:
    document = [row.previous_hash, row.at.isoformat(), row.actor, row.action, row.subject, row.detail]
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
