"""Crowds: what is done to hundreds of deliveries at once, in statements whose texts are written once.

A sender of thousands of mails a second spends its time in building statements otherwise.
Each means the same as its namesake for few rows. Many rows travel as one value, there and
back: every row that is fetched by itself would take the interpreter from the lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Engine, TextClause, bindparam, text
from sqlalchemy.orm import Session

from alertd.channel import Outcome, Receipt
from alertd.delivery import Next
from alertd.redact import kept
from alertd.sealed import opener
from alertd.store import held
from alertd.store.claims import Claimed
from alertd.store.freezes import open_below
from alertd.tables import CONTACT_ADDRESS, Instant


class Marked(NamedTuple):
    """A delivery whose hand-over has begun with the commit, and where it goes."""

    claimed: Claimed
    #: as it is stored: `address_of` opens it
    address: str
    #: neither the contact nor the person has left
    active: bool


def claim_and_mark(
    session: Session, channel: str, owner: str, *, limit: int, now: datetime, until: datetime
) -> list[Marked]:
    """Leases due deliveries in the order of `claim`, and their hand-over begins with the commit.

    For senders that note elsewhere which of them has really begun.
    """
    below = open_below(session, now)
    if not below:
        return []
    words = {"channel": channel, "owner": owner, "limit": limit, "now": now, "until": until, "below": below}
    if session.get_bind().dialect.name == "postgresql":
        rows = _many(session.scalar(_CLAIM["postgresql"], words))
        held.note(session, channel, owner, until, [row[0] for row in rows])
    else:
        # the transaction has the database to itself: nobody comes between these two
        rows = _many(session.scalar(_CLAIMABLE["sqlite"], words))
        held.note(session, channel, owner, until, ids := [row[0] for row in rows])
        session.execute(_CLAIM_THESE["sqlite"], {**words, "ids": json.dumps(ids)})
    rows.sort(key=itemgetter(9, 10, 11, 0))
    return [
        Marked(
            Claimed(number, dispatch, contact, language, attempt, spared, standing, None, now),
            address,
            bool(active),
        )
        for number, dispatch, contact, language, attempt, spared, standing, address, active, _, _, _ in rows
    ]


def overdue(session: Session, channel: str, now: datetime) -> bool:
    """Whether a channel has hand-overs to look at again that nobody holds; asked in the middle of a stream."""
    return bool(session.scalar(_for(session, _OVERDUE), {"channel": channel, "now": now}))


def address_of(engine: Engine) -> Callable[[str], str]:
    """What makes an address of one that is stored."""
    return opener(engine, CONTACT_ADDRESS)


def conclude(
    session: Session, owner: str, following: Next, ids: Sequence[int], *, spread: timedelta = timedelta()
) -> frozenset[int]:
    """Writes what is known of these deliveries and ends their lease, fenced by owner and attempt.

    Those to be looked at again are spread over the time from `look_at` to `spread` later.

    Returns those that took it; of the others more is known already, or they are no
    longer ours. Mostly all do, and SQLite is asked who only when their number is another.
    """
    word = following.word
    words = {
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
    }
    asking = _for(session, _CONCLUDE_ASKING[following.handed])
    if session.get_bind().dialect.name == "postgresql":
        return frozenset(_many(session.scalar(asking, words)))
    connection = session.connection()
    connection.exec_driver_sql("SAVEPOINT conclude")
    taken = frozenset(ids)
    if connection.execute(_for(session, _CONCLUDE[following.handed]), words).rowcount != len(taken):
        connection.exec_driver_sql("ROLLBACK TO conclude")
        taken = frozenset(connection.execute(asking, words).scalars())
    connection.exec_driver_sql("RELEASE conclude")
    return taken


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


def _many(rows: str | None) -> list[Any]:
    """What a statement gave as one value; None = nothing."""
    return json.loads(rows) if rows else []


def _ids(session: Session, ids: Sequence[int]) -> object:
    return list(ids) if session.get_bind().dialect.name == "postgresql" else json.dumps(list(ids))


def _texts(statement: str, **databases: Mapping[str, str]) -> dict[str, TextClause]:
    """The statement by database, its {blanks} filled for each; times are stored as in the tables."""
    made = {}
    for name, blanks in databases.items():
        clause = text(statement.format(**blanks))
        times = [
            bindparam(key, type_=Instant()) for key in ("now", "until", "look_at") if f":{key}" in clause.text
        ]
        made[name] = clause.bindparams(*times)
    return made


_THESE = {
    "sqlite": {"these": "IN (SELECT value FROM json_each(:ids))"},
    "postgresql": {"these": "= ANY(CAST(:ids AS bigint[]))"},
}

#: what is due of a channel, the most urgent first
_DUE = """
    SELECT d.id FROM delivery AS d
    WHERE d.channel = :channel AND d.priority < :below
      AND d.due_at IS NOT NULL AND d.due_at <= :now
      AND d.turn >= 0 AND d.turn < 1000000 AND d.handed_at IS NULL
      AND (d.claimed_until IS NULL OR d.claimed_until <= :now)
      AND (d.after_id IS NULL OR (
          SELECT wrong.id FROM delivery AS wrong
          WHERE wrong.id = d.after_id AND wrong.claimed_until IS NOT NULL AND wrong.due_at IS NOT NULL
          ) IS NULL)
    ORDER BY d.priority, d.turn, d.due_at, d.id
    LIMIT :limit
    """
_SET_MARKED = (
    "SET owner = :owner, claimed_until = :until, attempt = attempt + 1, handed_at = :now, line_until = NULL"
)
#: what `Marked` has, and what they are ordered by
_MARKED = (
    "d.id, d.dispatch_id, d.contact_id, d.language, {attempt}, d.spared, d.standing,"
    " contact.address, {active}, d.priority, d.turn, d.due_at"
)
_WHERE_TO = """
    JOIN contact ON contact.id = d.contact_id
    JOIN recipient ON recipient.id = contact.recipient_id
    """
_CLAIM = _texts(
    """
    WITH due AS ({due} {locking}),
    d AS (
        UPDATE delivery {set_marked}
        FROM due WHERE delivery.id = due.id
        RETURNING delivery.*
    )
    SELECT CAST(json_agg(json_build_array({marked})) AS text) FROM d {where_to}
    """,
    postgresql={
        "due": _DUE,
        "locking": "FOR UPDATE SKIP LOCKED",
        "set_marked": _SET_MARKED.replace("attempt + 1", "delivery.attempt + 1"),
        "marked": _MARKED.format(attempt="d.attempt", active="contact.active AND recipient.active"),
        "where_to": _WHERE_TO,
    },
)
_CLAIMABLE = _texts(
    """
    SELECT json_group_array(json_array({marked})) FROM delivery AS d {where_to} WHERE d.id IN ({due})
    """,
    sqlite={
        "due": _DUE,
        "marked": _MARKED.format(attempt="d.attempt + 1", active="contact.active AND recipient.active"),
        "where_to": _WHERE_TO,
    },
)
_CLAIM_THESE = _texts(
    "UPDATE delivery {set_marked} WHERE id {these}",
    sqlite={"set_marked": _SET_MARKED, **_THESE["sqlite"]},
)

_OVERDUE_TEXT = """
    SELECT EXISTS (
        SELECT 1 FROM delivery
        WHERE channel = :channel AND due_at IS NOT NULL AND due_at <= :now AND turn IS NULL
          AND (claimed_until IS NULL OR claimed_until <= :now))
      OR EXISTS (SELECT 1 FROM claim WHERE channel = :channel AND until <= :now)
    """
_OVERDUE = _texts(_OVERDUE_TEXT, sqlite={}, postgresql={})

#: a part of `spread` that is different for neighbours and always the same for one
_LOOK_AT = {
    "sqlite": {"look_at": ":look_at + CAST(:spread * (id * 7919 % 1000) * 1000 AS INTEGER)"},
    "postgresql": {
        "look_at": "CAST(:look_at AS timestamptz)"
        " + make_interval(secs => CAST(:spread AS float) * (id * 7919 % 1000) / 1000)"
    },
}
_CONCLUDE_BLANKS = {name: {**_THESE[name], **_LOOK_AT[name]} for name in _THESE}

#: fenced by owner and attempt: who comes late writes nothing
_CONCLUDE_TEXT = """
    UPDATE delivery
    SET standing = :rank, outcome = :outcome, reason = :reason, answer = :answer, spared = :spared,
        due_at = {look_at}, owner = NULL, claimed_until = NULL{taken_back}
    WHERE id {these} AND owner = :owner AND attempt = :attempt AND standing < :rank
      AND due_at IS NOT NULL
    """
_TAKE_BACK = {
    False: ", handed_at = NULL, turn = attempt",
    True: ", turn = CASE WHEN handed_at IS NULL THEN attempt END",
}
#: by whether the hand-over stands: the statement, …
_CONCLUDE = {
    handed: _texts(_CONCLUDE_TEXT.replace("{taken_back}", words), **_CONCLUDE_BLANKS)
    for handed, words in _TAKE_BACK.items()
}
#: … and one that tells which took it: as one value on PostgreSQL
_CONCLUDE_ASKING = {
    handed: {
        **_texts("{conclude} RETURNING id", sqlite={"conclude": by_database["sqlite"].text}),
        **_texts(
            "WITH taken AS ({conclude} RETURNING id) SELECT CAST(json_agg(id) AS text) FROM taken",
            postgresql={"conclude": by_database["postgresql"].text},
        ),
    }
    for handed, by_database in _CONCLUDE.items()
}

_NEVER_BEGUN = _texts(
    """
    UPDATE delivery
    SET handed_at = NULL, turn = attempt, due_at = :now, spared = spared + 1, owner = NULL, claimed_until = NULL
    WHERE id {these} AND owner = :owner AND due_at IS NOT NULL
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
