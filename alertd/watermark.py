"""The watermark: how far the database had come, written beside it, so that an older one is noticed.

A database that was restored from a backup does not know what was sent since. The file
`storage/watermark` does: it has the number of audit rows and their head, and the number
of the latest receipt.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd import audit
from alertd.tables import AuditRow, ReceiptRow

log = logging.getLogger(__name__)

#: what was sent since the last mark could be sent again after a restore
EVERY = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database is."""

    #: rows of the audit trail, and the hash of the last
    rows: int
    head: str
    #: number of the latest receipt
    receipts: int


def mark(session: Session) -> Mark:
    """How far this database is."""
    head = audit.head(session)
    return Mark(head.rows, head.entry_hash, session.scalar(select(func.max(ReceiptRow.id))) or 0)


class Watermark:
    """Keeps the file; one for each process that plans or sends."""

    def __init__(self, storage: Path) -> None:
        self._file = storage / "watermark"
        self._last: tuple[datetime, Mark] | None = None

    def keep(self, session: Session, now: datetime) -> None:
        """Called often; writes at most once in `EVERY`, and only what has changed."""
        if self._last is not None and now - self._last[0] < EVERY:
            return
        present = mark(session)
        if self._last is None or present != self._last[1]:
            self.write(present)
        self._last = (now, present)

    def write(self, present: Mark) -> None:
        """Writes the file at once, so that it is the old one or the new one whatever happens."""
        draft = self._file.with_name(f".watermark-{os.getpid()}")
        try:
            with draft.open("w", encoding="ascii") as file:
                json.dump(asdict(present), file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
        except OSError as error:
            log.error("cannot write %s: %s", self._file, error.strerror)

    def is_ahead_of(self, session: Session) -> bool:
        """Whether the database is older than the file, or another one than it was."""
        try:
            last = Mark(**json.loads(self._file.read_text(encoding="ascii")))
        except (OSError, ValueError, TypeError):
            return False
        there = session.scalar(select(AuditRow.entry_hash).where(AuditRow.id == last.rows))
        return (last.rows > 0 and there != last.head) or mark(session).receipts < last.receipts
