"""Suppression: addresses that left and were erased. Only a keyed hash is kept, so that no list brings them back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from alertd.sealed import keys_of
from alertd.tables import SuppressionRow


def suppress(session: Session, kind: str, address: str, now: datetime) -> None:
    """No import brings this address back; twice is harmless."""
    if (kind, address) not in suppressed(session, [(kind, address)]):
        session.add(SuppressionRow(kind=kind, address_key=address, at=now))
        session.flush()


def suppressed(session: Session, addresses: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of the addresses, each with its kind, that are suppressed."""
    asked = list(addresses)
    if not asked or session.scalar(select(SuppressionRow.kind).limit(1)) is None:
        return frozenset()
    ring = keys_of(session.get_bind().dialect)
    by_key = {(kind, ring.fingerprint(address)): (kind, address) for kind, address in asked}
    found = set()
    for begin in range(0, len(asked), 5000):
        some = [address for _, address in asked[begin : begin + 5000]]
        rows = select(SuppressionRow.kind, SuppressionRow.address_key).where(
            SuppressionRow.address_key.in_(some)
        )
        found |= {(kind, key) for kind, key in session.execute(rows)}
    return frozenset(by_key[key] for key in found & by_key.keys())


def release(session: Session, kind: str, address: str) -> None:
    """Its owner has asked to be registered again."""
    gone = SuppressionRow.address_key.in_({address, address.lower()})
    session.execute(
        delete(SuppressionRow)
        .where(SuppressionRow.kind == kind, gone)
        .execution_options(synchronize_session=False)
    )
