"""Claims: what a drain holds is found without an index, and what a dead one held comes to light."""

from __future__ import annotations

from pathlib import Path

import alembic.command
import alembic.config
from sqlalchemy import func, or_, select

from alertd import store
from alertd.db import open_database, reading, upgrade, writing
from alertd.store import crowds
from alertd.tables import ClaimRow, DeliveryRow
from tests.flow.conftest import City
from tests.flow.test_stream_flow import LEASE, Dead, begin, fast, make_fast, times_heard

__all__ = ["fast", "make_fast"]


def claims(city: City) -> int:
    with reading(city.site.engine) as session:
        return session.scalar(select(func.count()).select_from(ClaimRow)) or 0


def nowhere_to_be_found(city: City) -> list[int]:
    """Open deliveries that neither index has: nobody would ever look at them again."""
    handed = DeliveryRow.handed_at.is_not(None)
    with reading(city.site.engine) as session:
        astray = select(DeliveryRow.id).where(
            DeliveryRow.due_at.is_not(None),
            or_(handed & DeliveryRow.turn.is_not(None), ~handed & DeliveryRow.turn.is_(None)),
        )
        return list(session.scalars(astray))


def test_no_index_has_a_column_that_a_mark_writes() -> None:
    written = {"owner", "claimed_until", "attempt", "handed_at"}
    for index in DeliveryRow.__table__.indexes:  # type: ignore[attr-defined]
        where = str(index.dialect_options["sqlite"]["where"])
        assert not written & {column.name for column in index.columns}, index.name
        assert not [name for name in written if name in where], index.name


def test_a_drain_that_has_ended_leaves_no_claim(fast: City) -> None:
    begin(fast, 60)
    assert fast.drain() == 60
    assert claims(fast) == 0


def test_small_groups_leave_no_claim_either(city: City) -> None:
    begin(city, 60)
    city.drain()
    assert claims(city) == 0


def test_what_a_dead_stream_held_comes_to_light_when_its_lease_lapses(fast: City) -> None:
    begin(fast, 40)
    dead = Dead(fast, elsewhere=True)
    with writing(fast.site.engine) as session:
        now = fast.clock.now()
        assert not crowds.overdue(session, "mail", now) and not store.overdue(session, "mail", now)
        assert store.handed_open(session, "mail"), "its journal is still needed"
        taken = store.claim(session, "mail", "me", handed=True, limit=99, now=now, until=now + LEASE)
        assert taken == [], "its lease still runs"
    dead.dies()
    with writing(fast.site.engine) as session:
        now = fast.clock.now()
        assert crowds.overdue(session, "mail", now) and store.overdue(session, "mail", now)
        assert store.queue(session, "mail", now).lapsed == 40
        taken = store.claim(session, "mail", "me", handed=True, limit=99, now=now, until=now + LEASE)
        assert {one.id for one in taken} == {one.id for one in dead.claimed}
        assert {one.attempt for one in taken} == {1}
    assert nowhere_to_be_found(fast) == []
    fast.clock.advance(6 * LEASE)
    fast.drain()
    assert times_heard(fast).total() == 40 and claims(fast) == 0


def test_a_renewed_claim_stays_and_an_empty_one_goes(fast: City) -> None:
    begin(fast, 3)
    dead = Dead(fast)
    owner = dead.journal._path.suffix[1:]
    ids = [one.id for one in dead.claimed]
    with writing(fast.site.engine) as session:
        now = fast.clock.now()
        store.renew(session, owner, now + 3 * LEASE)
        store.unmark(session, owner, ids[:2], now)
    fast.clock.advance(2 * LEASE)
    with writing(fast.site.engine) as session:
        now = fast.clock.now()
        assert not store.overdue(session, "mail", now)
        store.unmark(session, owner, ids[2:], now)
        store.renew(session, owner, now + 3 * LEASE)
    assert claims(fast) == 0 and nowhere_to_be_found(fast) == []
    dead.journal.close()


def test_what_a_sender_gives_back_though_it_was_handed_over_is_looked_at(fast: City) -> None:
    begin(fast, 2)
    dead = Dead(fast)
    owner = dead.journal._path.suffix[1:]
    with writing(fast.site.engine) as session:
        store.release(session, owner, [one.id for one in dead.claimed])
        store.let_go(session, owner)
        assert store.overdue(session, "mail", fast.clock.now())
    assert claims(fast) == 0 and nowhere_to_be_found(fast) == []
    dead.journal.close()


def test_a_claim_reads_the_index_in_its_order_and_sorts_nothing(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'plans.db'}")
    upgrade(engine)
    blanks = {"channel": "mail", "below": 9, "now": 0, "limit": 500}
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {crowds._DUE}", blanks).all()
    engine.dispose()
    assert "ix_delivery_due" in plan[0][3], plan
    assert not [row for row in plan if "TEMP B-TREE" in row[3]]


def test_what_is_in_hand_during_the_upgrade_is_found_again(fast: City) -> None:
    begin(fast, 40)
    dead = Dead(fast, elsewhere=True)
    older = alembic.config.Config()
    older.set_main_option("script_location", "alertd:migrations")
    older.attributes["engine"] = fast.site.engine
    alembic.command.stamp(older, "head")
    alembic.command.downgrade(older, "0027")
    upgrade(fast.site.engine)
    assert claims(fast) == 1
    with writing(fast.site.engine) as session:
        assert not store.overdue(session, "mail", fast.clock.now()), "its lease still runs"
    dead.dies()
    with writing(fast.site.engine) as session:
        now = fast.clock.now()
        taken = store.claim(session, "mail", "me", handed=True, limit=99, now=now, until=now + LEASE)
        assert {one.id for one in taken} == {one.id for one in dead.claimed}
    assert nowhere_to_be_found(fast) == []
    fast.clock.advance(6 * LEASE)
    fast.drain()
    assert times_heard(fast).total() == 40 and claims(fast) == 0
