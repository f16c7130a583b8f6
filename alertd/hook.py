"""A webhook: an address of the configuration that is told what happens to dispatches.

It is told the audit trail's rows about dispatches, in their order and at least once:
the next one only after this one was taken over. What it is told is signed with the
time, so that an old message cannot be told again: `X-Alertd-Signature: t=SECONDS,v1=HEX`,
the HMAC-SHA-256 over the time, a dot and the body (RFC 2104).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from alertd import fetch
from alertd.db import reading, writing
from alertd.errors import ChannelUnavailable
from alertd.outbound import networks
from alertd.site import Site
from alertd.store import freezes
from alertd.tables import AlertRow, AuditRow, DispatchRow, HookRow

log = logging.getLogger(__name__)

HEADER = "X-Alertd-Signature"
#: messages in one go; then the others have their turn
BATCH = 20
#: until the next attempt, doubled each time, at most an hour
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)


def secret(site: Site, url: str) -> str:
    """The key that signs what this address is told; the same every time."""
    return hmac.new(site.secret, f"hook:{url}".encode(), hashlib.sha256).hexdigest()


def signature(key: str, body: bytes, now: datetime) -> str:
    """The header's value."""
    stamp = str(int(now.timestamp()))
    return f"t={stamp},v1={hmac.new(key.encode(), stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def genuine(key: str, header: str, body: bytes, now: datetime, within: timedelta) -> bool:
    """For receivers: whether a message is ours and not older than `within`."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    stamp = parts.get("t", "")
    if (
        not (stamp.isascii() and stamp.isdigit())
        or abs(now.timestamp() - int(stamp)) > within.total_seconds()
    ):
        return False
    wanted = signature(key, body, datetime.fromtimestamp(int(stamp), now.tzinfo))
    return hmac.compare_digest(header.encode(), wanted.encode())


def tell(site: Site) -> int:
    """Tells every webhook of the configuration what it does not know yet; says how many messages were taken. Not in maintenance."""
    with reading(site.engine) as session:
        if freezes.maintained(session, site.clock.now()):
            return 0
    return sum(_tell(site, url) for url in site.config.feeds.hooks)


def _tell(site: Site, url: str) -> int:
    number = _hook(site, url)
    told = 0
    for _ in range(BATCH):
        with reading(site.engine) as session:
            row = session.get_one(HookRow, number)
            found = _next(session, row.told)
            due_at, failures = row.due_at, row.failures
        if found is None or due_at > site.clock.now():
            break
        rank, body = found
        now = site.clock.now()
        try:
            headers = {"Content-Type": "application/json", HEADER: signature(secret(site, url), body, now)}
            status = fetch.post(url, body, headers, inside=networks(site.config.feeds.inside))
            trouble = None if 200 <= status < 300 else f"HTTP {status}"
        except ChannelUnavailable as error:
            trouble = str(error)
        with writing(site.engine) as session:
            row = session.get_one(HookRow, number)
            if trouble is None:
                row.told, row.failures = rank, 0
                told += 1
                continue
            row.failures = failures + 1
            row.due_at = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures, 20))
        log.warning("a webhook did not take its message: %s", trouble)
        break
    return told


def _hook(site: Site, url: str) -> int:
    """The row of an address; a new one begins with what happens from now on."""
    with writing(site.engine) as session:
        row = session.scalar(select(HookRow).where(HookRow.url == url))
        if row is None:
            last = session.scalar(select(func.max(AuditRow.id))) or 0
            now = site.clock.now()
            row = HookRow(url=url, created_at=now, told=last, due_at=now)
            session.add(row)
            session.flush()
        return row.id


def _next(session: Session, told: int) -> tuple[int, bytes] | None:
    """The next row about a dispatch: its number, and what is said of it."""
    row = session.scalars(
        select(AuditRow)
        .where(AuditRow.id > told, AuditRow.action.startswith("dispatch."))
        .order_by(AuditRow.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    number = int(row.subject.rpartition(":")[2])
    alert = session.execute(
        select(AlertRow.identifier, AlertRow.status, AlertRow.msg_type, DispatchRow.state)
        .join(DispatchRow, DispatchRow.alert_id == AlertRow.id)
        .where(DispatchRow.id == number)
    ).first()
    said = {
        "event": row.action,
        "sequence": row.id,
        "at": row.at.isoformat(),
        "dispatch": number,
        "identifier": alert.identifier if alert else None,
        "status": alert.status if alert else None,
        "msgType": alert.msg_type if alert else None,
        "state": alert.state if alert else None,
    }
    return row.id, json.dumps(said, ensure_ascii=False).encode()
