"""The alerts that went out, as the public may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd import cap
from alertd.alert import Alert, Scope, Status
from alertd.tables import AlertRow, AreaRow, DispatchRow

#: what the public may see
SHOWN = (Status.ACTUAL, Status.EXERCISE)


def went_out(session: Session, *, limit: int | None = None, identifier: str | None = None) -> Sequence[bytes]:
    """The public documents of dispatches that began to go out, the newest first."""
    query = (
        select(AlertRow.document)
        .join(DispatchRow, DispatchRow.alert_id == AlertRow.id)
        .where(DispatchRow.first_at.is_not(None), AlertRow.status.in_(SHOWN))
        .order_by(DispatchRow.id.desc())
    )
    if identifier is not None:
        query = query.where(AlertRow.identifier == identifier)
    documents = session.scalars(query.limit(limit)).all()
    return [document for document in documents if alert_in(document).scope is Scope.PUBLIC]


def mark(session: Session) -> tuple[int, int]:
    """What changes whenever another dispatch begins to go out: how many did, and the last one."""
    count, last = session.execute(
        select(func.count(), func.max(DispatchRow.id)).where(DispatchRow.first_at.is_not(None))
    ).one()
    return count, last or 0


def alert_in(document: bytes) -> Alert:
    """The alert of a stored document; the same document is read once."""
    return _read(document)


@lru_cache(maxsize=4096)
def _read(document: bytes) -> Alert:
    return cap.read_own(document)


def area_names(session: Session) -> Mapping[str, str]:
    """The names of the areas by code, in the order of the screen."""
    rows = session.execute(select(AreaRow.code, AreaRow.name).order_by(AreaRow.position, AreaRow.code))
    return {code: name for code, name in rows}
