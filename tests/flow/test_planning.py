"""Planning in slices: nobody waits for a million, and a death in the middle is made good."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import delete, event, exists, func, select, text

from alertd import personal_data, plan, store
from alertd.db import reading, writing
from alertd.dispatch import MOVES, Move, State
from alertd.recipient import Contact, Recipient
from alertd.register import register
from alertd.site import Site
from alertd.store import planning, roster
from alertd.tables import ContactRow, DeliveryRow, DispatchRow
from tests import factories
from tests.flow.conftest import City


@pytest.fixture
def approved(city: City, monkeypatch: pytest.MonkeyPatch) -> int:
    """A dispatch to seven people, which is planned two at a time."""
    monkeypatch.setattr(plan, "FIRST_SLICE", 2)
    monkeypatch.setattr(plan, "SLICE", 2)
    factories.add_people(city.site, [f"a{n}@example.jp" for n in range(7)])
    number = factories.submit(city.site)
    factories.approve(city.site, number)
    return number


def contacts(city: City) -> Sequence[int]:
    with reading(city.site.engine) as session:
        return session.scalars(select(DeliveryRow.contact_id).order_by(DeliveryRow.id)).all()


def state(city: City, number: int) -> State:
    with reading(city.site.engine) as session:
        return session.get_one(DispatchRow, number).state


def at_slice(nth: int, monkeypatch: pytest.MonkeyPatch, does: Any) -> None:
    """Right before the nth slice is made, outside of its transaction, this happens."""
    slices = iter(range(1, 100))
    slicing = roster.slicing

    def watched(connection: Any) -> Any:
        if next(slices) == nth:
            does()
        return slicing(connection)

    monkeypatch.setattr(roster, "slicing", watched)


def test_the_first_can_be_sent_while_the_last_are_planned(
    city: City, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    at_slice(2, monkeypatch, lambda: sent.append(city.drain()))
    assert plan.plan(city.site, approved) == 7
    assert sent == [2] and state(city, approved) is State.SENDING


def test_a_death_in_the_middle_is_made_good_by_planning_once_more(
    city: City, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Death(Exception):
        pass

    def die() -> None:
        raise Death

    at_slice(3, monkeypatch, die)
    with pytest.raises(Death):
        plan.plan(city.site, approved)
    assert len(contacts(city)) == 4 and state(city, approved) is State.APPROVED
    assert plan.plan(city.site, approved) == 3
    assert len(set(contacts(city))) == len(contacts(city)) == 7 and state(city, approved) is State.SENDING


def test_who_stops_it_in_the_middle_stops_the_rest(
    city: City, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        with writing(city.site.engine) as session:
            row = session.get_one(DispatchRow, approved)
            row.state = MOVES[row.state, Move.CANCEL]

    at_slice(2, monkeypatch, stop)
    assert plan.plan(city.site, approved) <= 2
    assert len(contacts(city)) == 2 and state(city, approved) is State.CANCELLED


def test_a_channel_that_is_stopped_in_the_middle_sends_nothing_more(
    city: City, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halt() -> None:
        with writing(city.site.engine) as session:
            session.get_one(DispatchRow, approved).stops = {"mail": "tests"}

    at_slice(2, monkeypatch, halt)
    plan.plan(city.site, approved)
    with reading(city.site.engine) as session:
        assert store.open_by_channel(session, approved) == []
    assert len(contacts(city)) == 7 and city.drain() == 0


def test_nobody_who_writes_waits_for_the_roster(city: City, approved: int) -> None:
    """On SQLite there is one writer: while the order is found, it is not the planner."""
    if city.site.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has as many writers as there are")
    begun: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("BEGIN", "INSERT INTO roster", "INSERT INTO delivery")):
            begun.append(statement.partition(" (")[0])

    event.listen(city.site.engine, "before_cursor_execute", note)
    try:
        plan.plan(city.site, approved)
    finally:
        event.remove(city.site.engine, "before_cursor_execute", note)
    before = dict(zip(begun[1:], begun, strict=False))
    assert before["INSERT INTO roster"] == "BEGIN"
    assert begun.count("INSERT INTO delivery") == 4


def test_two_relays_do_not_plan_the_same_at_once(city: City, approved: int) -> None:
    if city.site.engine.dialect.name == "sqlite":
        pytest.skip("a file has one machine, and planning twice is harmless")
    with roster.planning(city.site.engine, approved) as connection:
        assert connection is not None
        assert plan.plan(city.site, approved) == 0
    assert plan.plan(city.site, approved) == 7


def test_while_anybody_plans_no_contact_is_taken_away(city: City, approved: int) -> None:
    if city.site.engine.dialect.name == "sqlite":
        pytest.skip("a file has one writer, and looks for the contact of each delivery")
    with writing(city.site.engine) as session:
        planning.keep_contacts(session)
        with writing(city.site.engine) as another:
            assert not planning.may_take_contacts_away(another)
    with roster.planning(city.site.engine, approved), writing(city.site.engine) as session:
        assert not planning.may_take_contacts_away(session)
    with writing(city.site.engine) as session:
        assert planning.may_take_contacts_away(session)


def test_after_a_large_plan_postgres_notes_that_everybody_sees_it(city: City, approved: int) -> None:
    if city.site.engine.dialect.name == "sqlite":
        pytest.skip("its indexes say by themselves whether a row is there")
    settled: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        settled.extend([statement] if statement.startswith("VACUUM") else [])

    event.listen(city.site.engine, "after_cursor_execute", note)
    try:
        assert plan.plan(city.site, approved) == 7
    finally:
        event.remove(city.site.engine, "after_cursor_execute", note)
    assert len(settled) == 1 and settled[0].endswith(" delivery")


def test_where_that_fails_the_plan_stands(city: City, approved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "_SETTLE", "VACUUM nothing_of_this_name")
    assert plan.plan(city.site, approved) == 7 and state(city, approved) is State.SENDING


def without_contact(city: City) -> int | None:
    """Deliveries whose contact is not there."""
    with reading(city.site.engine) as session:
        there = exists().where(ContactRow.id == DeliveryRow.contact_id)
        return session.scalar(select(func.count()).select_from(DeliveryRow).where(~there))


def leaves_the_list(site: Site) -> None:
    """The last of the seven has another address in a new list."""
    for addresses in (["a6@example.jp", "new@example.jp"], ["new@example.jp"]):
        ways = tuple(Contact(kind="fake", address=address) for address in addresses)
        register(site, [Recipient(name="三条", area="RNN", external_id="9", contacts=ways)], by="tests")


def is_erased(site: Site) -> None:
    """The last of the seven asks for it."""
    with writing(site.engine) as session:
        last = session.scalars(select(ContactRow).order_by(ContactRow.id.desc()).limit(1)).one()
        personal_data.make_nobodys(session, last)


@pytest.mark.parametrize("goes", [leaves_the_list, is_erased])
def test_a_contact_that_goes_while_they_are_planned_keeps_no_one_from_being_told(
    city: City, approved: int, monkeypatch: pytest.MonkeyPatch, goes: Callable[[Site], None]
) -> None:
    at_slice(2, monkeypatch, lambda: goes(city.site))
    # a file lets the contact go, and it is not told
    taken = goes is leaves_the_list and city.site.engine.dialect.name == "sqlite"
    assert plan.plan(city.site, approved) == (6 if taken else 7)
    assert without_contact(city) == 0 and state(city, approved) is State.SENDING
    city.drain()
    assert "a6@example.jp" not in {one.address for one in city.heard()}


def _plans(city: City, number: int) -> None:
    assert plan.plan(city.site, number) == 6


def _plans_what_follows_a_failure(city: City, _number: int) -> None:
    with writing(city.site.engine) as session:
        planning.plan_next_contacts(session, [], {}, city.clock.now())


@pytest.mark.parametrize("does", [_plans, _plans_what_follows_a_failure])
def test_who_plans_waits_for_who_just_takes_contacts_away(
    city: City, approved: int, does: Callable[[City, int], None]
) -> None:
    if city.site.engine.dialect.name == "sqlite":
        pytest.skip("a file has one writer, and looks for the contact of each delivery")
    done: list[bool] = []

    def planner() -> None:
        does(city, approved)
        done.append(True)

    thread = threading.Thread(target=planner)
    with writing(city.site.engine) as session:
        assert planning.may_take_contacts_away(session)
        last = session.scalar(select(func.max(ContactRow.id)))
        session.execute(delete(ContactRow).where(ContactRow.id == last))
        thread.start()
        assert waits(session)
    thread.join(20)
    assert done and without_contact(city) == 0


def waits(session: Any) -> bool:
    """Whether somebody comes to wait for a lock that says what it is for."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        if session.scalar(text(asked)):
            return True
        time.sleep(0.01)
    return False
