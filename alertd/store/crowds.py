"""Crowds: what is done to hundreds of deliveries at once, in statements whose texts are written once.

A sender of thousands of mails a second spends its time in building statements otherwise.
Each means the same as its namesake for few rows; ids travel as one value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.orm import Session

from alertd.channel import Outcome, Receipt
from alertd.delivery import Next
from alertd.redact import kept
from alertd.sealed import opener
from alertd.store.claims import Claimed
from alertd.tables import CONTACT_ADDRESS, Instant


def claim_and_mark(
    session: Session, channel: str, owner: str, *, limit: int, now: datetime, until: datetime
) -> list[Claimed]:
    """Leases due deliveries in the order of `claim`, and their hand-over begins with the commit.

    For senders that note elsewhere which of them has really begun.
    """
    rows = session.execute(
        _for(session, _CLAIM),
        {"channel": channel, "owner": owner, "limit": limit, "now": now, "until": until},
    ).all()
    ordered = sorted(rows, key=itemgetter(7, 8, 9, 10))
    return [Claimed._make((*row[:7], None, now)) for row in ordered]


def addresses(session: Session, contact_ids: Sequence[int]) -> Mapping[int, tuple[str, bool]]:
    """The address of each contact, and whether it may still be used."""
    rows = session.execute(_for(session, _ADDRESSES), {"ids": _ids(session, contact_ids)}).all()
    opened = opener(session, CONTACT_ADDRESS)
    return {number: (opened(address), bool(usable)) for number, address, usable in rows}


def conclude(
    session: Session, owner: str, following: Next, ids: Sequence[int], *, spread: timedelta = timedelta()
) -> frozenset[int]:
    """Writes what is known of these deliveries and ends their lease, fenced by owner and attempt.

    Those to be looked at again are spread over the time from `look_at` to `spread` later.

    Returns those that took it; of the others more is known already, or they are no
    longer ours.
    """
    word = following.word
    taken = session.execute(
        _for(session, _CONCLUDE if following.handed else _CONCLUDE_AND_TAKE_BACK),
        {
            "ids": _ids(session, ids),
            "owner": owner,
            "attempt": word.attempt,
            "rank": word.rank,
            "outcome": word.outcome.value,
            "reason": word.reason.value if word.reason else None,
            "answer": word.answer.value if word.answer else None,
            "spared": following.spared,
            "look_at": following.look_at,
            "spread": spread.total_seconds(),
        },
    )
    return frozenset([row[0] for row in taken.all()])


def never_begun(session: Session, owner: str, ids: Sequence[int], now: datetime) -> None:
    """Hand-overs that were marked and surely never began are due once more, and are no attempts."""
    session.execute(_for(session, _NEVER_BEGUN), {"ids": _ids(session, ids), "owner": owner, "now": now})


def add_receipts(
    session: Session, attempt: int, like: Receipt, said: Sequence[tuple[int, Receipt]], now: datetime
) -> None:
    """Appends what was said of deliveries in one attempt; all have the outcome, reason, answer and phase of `like`."""
    if session.get_bind().dialect.name == "postgresql":
        words: dict[str, object] = {
            "ids": [number for number, _ in said],
            "refs": [receipt.ref[:200] if receipt.ref else None for _, receipt in said],
            "details": [_words(receipt) for _, receipt in said],
        }
    else:
        rows = [(number, receipt.ref and receipt.ref[:200], _words(receipt)) for number, receipt in said]
        words = {"rows": json.dumps(rows)}
    session.execute(
        _for(session, _RECEIPTS),
        {
            **words,
            "attempt": attempt,
            "outcome": like.outcome.value,
            "reason": like.reason.value if like.reason else None,
            "answer": like.answer.value if like.answer else None,
            "phase": like.phase.value if like.phase else None,
            "now": now,
        },
    )


def _words(receipt: Receipt) -> str | None:
    """What is stored of the far end's words; thousands a second say that a mail was taken and name nobody."""
    detail = receipt.detail
    if detail and (receipt.outcome is not Outcome.ACCEPTED or "@" in detail):
        return kept(detail)
    return detail[:500] if detail else None


def _for(session: Session, texts: Mapping[str, TextClause]) -> TextClause:
    return texts[session.get_bind().dialect.name]


def _ids(session: Session, ids: Sequence[int]) -> object:
    return list(ids) if session.get_bind().dialect.name == "postgresql" else json.dumps(list(ids))


def _texts(
    statement: str, *, sqlite: Mapping[str, str], postgresql: Mapping[str, str]
) -> dict[str, TextClause]:
    """The statement for both databases, its {blanks} filled for each; times are stored as in the tables."""
    made = {}
    for name, blanks in (("sqlite", sqlite), ("postgresql", postgresql)):
        clause = text(statement.format(**blanks))
        times = [
            bindparam(key, type_=Instant()) for key in ("now", "until", "look_at") if f":{key}" in clause.text
        ]
        made[name] = clause.bindparams(*times)
    return made


_THESE = {
    "sqlite": {"these": "(SELECT value FROM json_each(:ids))"},
    "postgresql": {"these": "(SELECT unnest(CAST(:ids AS bigint[])))"},
}

_CLAIM = _texts(
    """
    UPDATE delivery
    SET owner = :owner, claimed_until = :until, attempt = attempt + 1, handed_at = :now, line_until = NULL
    WHERE id IN (
        SELECT d.id FROM delivery AS d
        WHERE d.channel = :channel AND d.due_at IS NOT NULL AND d.due_at <= :now AND d.handed_at IS NULL
          AND (d.claimed_until IS NULL OR d.claimed_until <= :now)
          AND (d.after_id IS NULL OR NOT EXISTS (
              SELECT 1 FROM delivery AS wrong
              WHERE wrong.id = d.after_id AND wrong.claimed_until IS NOT NULL AND wrong.due_at IS NOT NULL))
        ORDER BY d.priority, d.attempt, d.due_at, d.id
        LIMIT :limit {locking})
    RETURNING id, dispatch_id, contact_id, language, attempt, spared, standing, priority, attempt, due_at, id
    """,
    sqlite={"locking": ""},
    postgresql={"locking": "FOR UPDATE SKIP LOCKED"},
)

_ADDRESSES = _texts(
    """
    SELECT contact.id, contact.address, contact.active AND recipient.active
    FROM contact JOIN recipient ON recipient.id = contact.recipient_id
    WHERE contact.id IN {these}
    """,
    **_THESE,
)

#: a part of `spread` that is different for neighbours and always the same for one
_LOOK_AT = {
    "sqlite": {"look_at": ":look_at + CAST(:spread * (id * 7919 % 1000) * 1000 AS INTEGER)"},
    "postgresql": {
        "look_at": "CAST(:look_at AS timestamptz)"
        " + make_interval(secs => CAST(:spread AS float) * (id * 7919 % 1000) / 1000)"
    },
}
_CONCLUDE_BLANKS = {name: {**_THESE[name], **_LOOK_AT[name]} for name in _THESE}

_CONCLUDE_TEXT = """
    UPDATE delivery
    SET standing = :rank, outcome = :outcome, reason = :reason, answer = :answer, spared = :spared,
        due_at = {look_at}, owner = NULL, claimed_until = NULL{taken_back}
    WHERE id IN {these} AND owner = :owner AND attempt = :attempt AND standing < :rank
      AND due_at IS NOT NULL
    RETURNING id
    """
_CONCLUDE = _texts(
    _CONCLUDE_TEXT.replace("{taken_back}", ""),
    **_CONCLUDE_BLANKS,
)
_CONCLUDE_AND_TAKE_BACK = _texts(
    _CONCLUDE_TEXT.replace("{taken_back}", ", handed_at = NULL"),
    **_CONCLUDE_BLANKS,
)

_NEVER_BEGUN = _texts(
    """
    UPDATE delivery
    SET handed_at = NULL, due_at = :now, spared = spared + 1, owner = NULL, claimed_until = NULL
    WHERE id IN {these} AND owner = :owner AND due_at IS NOT NULL
    """,
    **_THESE,
)

_RECEIPTS = _texts(
    """
    INSERT INTO receipt (delivery_id, attempt, outcome, reason, answer, phase, ref, detail, received_at)
    SELECT {number}, :attempt, :outcome, :reason, :answer, :phase, {ref}, {detail}, :now FROM {rows}
    """,
    sqlite={
        "number": "value ->> 0",
        "ref": "value ->> 1",
        "detail": "value ->> 2",
        "rows": "json_each(:rows)",
    },
    postgresql={
        "number": "one.number",
        "ref": "one.ref",
        "detail": "one.detail",
        "rows": "unnest(CAST(:ids AS bigint[]), CAST(:refs AS text[]), CAST(:details AS text[]))"
        " AS one (number, ref, detail)",
    },
)
