"""The roster: whom a dispatch is to reach over one channel, in order, written down for this connection only.

A million deliveries made by one statement would hold every other writer up on SQLite, run
into PostgreSQL's time limit, and be lost whole by a crash. So the order is found once and
kept in a temporary table, and the deliveries are made from it slice by slice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    Insert,
    MetaData,
    Select,
    String,
    Table,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, aliased

from alertd.audience import Audience
from alertd.delivery import NOTHING_KNOWN
from alertd.people import Line, contacts_of
from alertd.store.planning import TAKING_AWAY, known_to
from alertd.tables import ContactRow, DeliveryRow, DispatchRow, MembershipRow, Number

log = logging.getLogger(__name__)

_DELIVERY = cast("Table", DeliveryRow.__table__)
_ROSTER = Table(
    "roster",
    MetaData(),
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("recipient_id", Number, nullable=False),
    Column("contact_id", Number, nullable=False),
    Column("language", String(16), nullable=False),
    Column("after_id", Number),
    prefixes=["TEMPORARY"],
)
#: what marks the locks of PostgreSQL that are taken here; any number that nobody else takes
_LOCKS = 7119
#: what sorting a million takes in memory; without it PostgreSQL sorts on disk
_MEMORY = "SET LOCAL work_mem = '64MB'"
_SOON = "SET LOCAL synchronous_commit = off"
_SETTLE = "VACUUM (ANALYZE, SKIP_LOCKED, INDEX_CLEANUP OFF, TRUNCATE OFF) delivery"
#: nobody waits longer for it than so many milliseconds
_AT_MOST = 10_000


@contextmanager
def planning(engine: Engine, dispatch_id: int) -> Iterator[Connection | None]:
    """The connection that plans a dispatch; None = another relay is planning it at this moment.

    On SQLite two may plan at once, which is harmless: a contact has one delivery in a dispatch.
    While anybody plans, no contact is taken away (see `planning.may_take_contacts_away`).
    """
    with engine.connect() as connection:
        lock = {"kind": _LOCKS, "number": dispatch_id, "contacts": TAKING_AWAY}
        on_postgres = engine.dialect.name == "postgresql"
        if on_postgres:
            free = connection.scalar(text("SELECT pg_try_advisory_lock(:kind, :number)"), lock)
            connection.commit()
            if not free:
                yield None
                return
        try:
            if on_postgres:
                connection.execute(text("SELECT pg_advisory_lock_shared(:contacts)"), lock)
                connection.commit()
            yield connection
        finally:
            connection.rollback()
            if on_postgres and not connection.invalidated:
                # both: nobody else locks on this connection
                connection.execute(text("SELECT pg_advisory_unlock_all()"))
                connection.commit()


@contextmanager
def listing(connection: Connection) -> Iterator[Session]:
    """A session in which a roster is written: an empty one, and nobody else's writing waits for it."""
    with _transaction(connection, read_only=True) as session:
        _ROSTER.drop(connection, checkfirst=True)
        _ROSTER.create(connection)
        if connection.dialect.name == "postgresql":
            session.execute(text(_MEMORY))
        yield session


@contextmanager
def slicing(connection: Connection) -> Iterator[Session]:
    """A session in which deliveries are made from the roster; committed at the end.

    PostgreSQL need not have it on disk at once: it is made once more where it is lost, and
    who hands any of it over commits durably, and all that was committed before with it.
    """
    with _transaction(connection, read_only=False) as session:
        if connection.dialect.name == "postgresql":
            session.execute(text(_SOON))
        yield session


@contextmanager
def _transaction(connection: Connection, *, read_only: bool) -> Iterator[Session]:
    connection.execution_options(read_only=read_only)
    # the connection's own transaction: tables are made on it beside the session
    with connection.begin(), Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()


def settle(engine: Engine) -> None:
    """Has PostgreSQL note that everybody sees the new deliveries, and how many there are.

    A count of them then reads the index alone, on two processors where they are free. It would
    do so by itself within minutes, and takes some tenths of a second for a million now. It is
    only for speed: where it fails, or the role may not (see `alertd.grants`), all goes on as without.
    """
    if engine.dialect.name != "postgresql":
        return
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                text("SELECT set_config('statement_timeout', :most, false)"), {"most": str(_AT_MOST)}
            )
            try:
                connection.execute(text(_SETTLE))
            finally:
                connection.execute(text("RESET statement_timeout"))
    except DBAPIError as problem:
        log.info(
            "the new deliveries are counted more slowly for some minutes: %s", type(problem.orig).__name__
        )


def list_audience(
    session: Session, follows: int | None, audience: Audience, line: Line, languages: Sequence[str]
) -> int:
    """Writes down whom an audience means on one channel; returns how many.

    First the few who pass it on, then those who need support, then those who live in
    danger, then the others. `follows` is the dispatch that this one follows up: a follow-up
    never goes to a contact before the words that it follows.
    """
    before = aliased(DeliveryRow)
    reached = contacts_of(audience, line).order_by(None).subquery()

    def among(groups: Sequence[str]) -> ColumnElement[bool]:
        return exists().where(
            MembershipRow.recipient_id == reached.c.recipient_id, MembershipRow.group_name.in_(groups)
        )

    in_danger = [(among([group]), number) for number, group in enumerate(line.danger_groups)]
    order = (
        *([case((among(line.first_groups), 0), else_=1)] if line.first_groups else []),
        reached.c.needs_support.desc(),
        *([case(*in_danger, else_=len(in_danger))] if in_danger else []),
        reached.c.recipient_id,
    )
    spoken = case((reached.c.language.in_(languages), reached.c.language), else_=languages[0])
    return _write(
        session,
        select(
            func.row_number().over(order_by=order),
            reached.c.recipient_id,
            reached.c.contact_id,
            spoken,
            null()
            if follows is None
            else select(before.id)
            .where(before.dispatch_id == follows, before.contact_id == reached.c.contact_id)
            .scalar_subquery(),
        ),
    )


def list_correction(session: Session, corrects: int, channel: str) -> int:
    """Writes down whom a correction of that dispatch means: exactly those reached or in flight, by the same contacts."""
    wrong = aliased(DeliveryRow)
    return _write(
        session,
        select(
            func.row_number().over(order_by=wrong.id),
            wrong.recipient_id,
            wrong.contact_id,
            wrong.language,
            wrong.id,
        ).where(wrong.dispatch_id == corrects, wrong.channel == channel, known_to(wrong)),
    )


def _write(session: Session, rows: Any) -> int:
    result = session.execute(
        insert(_ROSTER).from_select([column.name for column in _ROSTER.columns], rows),
        execution_options={"preserve_rowcount": True},
    )
    return cast("CursorResult[Any]", result).rowcount


def plan_slice(
    session: Session, dispatch_row: DispatchRow, channel: str, places: range, *, now: datetime
) -> int:
    """Makes the deliveries of these places of the roster; twice is harmless. Returns how many are new."""
    listed = _ROSTER.c
    rows = (
        select(
            literal(dispatch_row.id),
            listed.recipient_id,
            listed.contact_id,
            literal(channel),
            listed.language,
            literal(dispatch_row.priority),
            listed.after_id,
            literal(0),
            literal(NOTHING_KNOWN),
            literal(now, DeliveryRow.due_at.type),
        )
        .where(listed.place >= places.start, listed.place < places.stop)
        .order_by(listed.place)
    )
    if session.get_bind().dialect.name == "postgresql":
        try:
            # mostly all are new, and to look for each costs a quarter more
            with session.begin_nested():
                return _made(session, postgresql.insert(_DELIVERY), rows)
        except IntegrityError:
            return _made(session, postgresql.insert(_DELIVERY).on_conflict_do_nothing(), rows)
    # a list that is imported meanwhile may take a contact away; on PostgreSQL it waits
    there = exists().where(ContactRow.id == listed.contact_id)
    return _made(session, sqlite.insert(_DELIVERY).on_conflict_do_nothing(), rows.where(there))


def _made(session: Session, into: Insert, rows: Select[Any]) -> int:
    result = session.execute(
        into.from_select(_PLANNED, rows, include_defaults=False),
        execution_options={"preserve_rowcount": True},
    )
    return cast("CursorResult[Any]", result).rowcount


_PLANNED = (
    "dispatch_id",
    "recipient_id",
    "contact_id",
    "channel",
    "language",
    "priority",
    "after_id",
    "attempt",
    "standing",
    "due_at",
)
