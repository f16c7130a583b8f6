"""A repeated request: the same Idempotency-Key gets the same answer, and does nothing twice.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from alertd.db import writing
from alertd.errors import Problem, WrongInput
from alertd.site import Site
from alertd.tables import RepeatRow

#: how long an answer is kept
KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request by its key: when it first came, what it is called by, and what was answered."""

    token: int
    key: str
    #: when the first one came, in whole seconds: the alert's `sent`
    at: datetime
    #: the same for the same key, and for no other
    name: str
    status: int | None
    answer: dict[str, Any]


def begun(site: Site, token: int, key: str, request: bytes) -> Repeat:
    """Notes the request, or finds it. Raises WrongInput for the key of another request."""
    digest = hashlib.sha256(request).hexdigest()
    now = site.clock.now().replace(microsecond=0)
    try:
        with writing(site.engine) as session:
            session.execute(delete(RepeatRow).where(RepeatRow.created_at < now - KEPT))
            row = session.get(RepeatRow, (token, key))
            if row is None:
                row = RepeatRow(token_id=token, key=key, request_hash=digest, answer={}, created_at=now)
                session.add(row)
                session.flush()
    except IntegrityError:  # the same request came twice at once, and the other one was first
        with writing(site.engine) as session:
            row = session.get_one(RepeatRow, (token, key))
    if row.request_hash != digest:
        raise WrongInput(Problem("Idempotency-Key", "this key was used for another request; take a new one"))
    name = hashlib.sha256(f"{token}:{key}:{row.created_at.timestamp():.0f}".encode()).hexdigest()[:24]
    return Repeat(token, key, row.created_at, name, row.status, dict(row.answer))


def answered(site: Site, repeat: Repeat, status: int, answer: dict[str, Any]) -> None:
    """Keeps what was answered."""
    with writing(site.engine) as session:
        row = session.get(RepeatRow, (repeat.token, repeat.key))
        if row is not None and row.status is None:
            row.status, row.answer = status, answer
