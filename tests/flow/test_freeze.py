"""The freeze: one person holds everything back, two let it go on, and every process obeys."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from alertd import freeze, halt, issue, plan, store
from alertd.alert import Status
from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.dispatch import Person, Role, State
from alertd.drill.hindrance import hindrance
from alertd.errors import MoveRefused
from alertd.freeze import AGREED_FOR, Scope, frozen, lift, set_freeze
from alertd.readiness import readiness, ready
from alertd.send import drain
from alertd.store import crowds
from alertd.store.freezes import ALL, open_below
from alertd.tables import AuditRow, DeliveryRow
from tests import factories
from tests.factories import APPROVER, BOTH, TRAINEE, WRITER
from tests.flow.conftest import City, MakeCity

LEASE = timedelta(seconds=8)
WHY = "誤配信の疑い"


def going_out(city: City, number: int, status: Status = Status.ACTUAL, name: str = "first") -> int:
    """A dispatch to so many more people than before, planned, nothing of it handed over."""
    factories.add_people(city.site, [f"{name}{n}@example.jp" for n in range(number)])
    alert = factories.make_alert(identifier=f"sanjo.{name}", status=status, sent=city.site.clock.now())
    dispatch = factories.submit(city.site, alert)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def held(city: City) -> list[Scope]:
    with reading(city.site.engine) as session:
        return [one.scope for one in frozen(session, city.clock.now())]


def test_while_it_holds_nothing_is_handed_over_and_nobody_is_rung(city: City) -> None:
    dispatch = going_out(city, 30)
    assert set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    for _ in range(3):
        city.tick()
        assert city.drain() == 0
        city.clock.advance(timedelta(minutes=5))
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["pending"] == 30
    with reading(city.site.engine) as session:
        assert not store.waiting(session, "mail", city.clock.now())


def test_two_people_lift_it_and_what_waits_goes_on(city: City) -> None:
    dispatch = going_out(city, 3)
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    assert not lift(city.site, Scope.EVERYTHING, APPROVER)
    assert city.drain() == 0
    assert lift(city.site, Scope.EVERYTHING, BOTH)
    assert city.drain() == 3
    assert city.mail(dispatch).outcomes["accepted"] == 3


def test_the_same_person_twice_counts_once(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    assert [lift(city.site, Scope.EVERYTHING, APPROVER) for _ in range(3)] == [False] * 3
    assert held(city) == [Scope.EVERYTHING]


def test_who_sets_it_again_takes_back_the_first_word_for_lifting_it(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    lift(city.site, Scope.EVERYTHING, APPROVER)
    assert not set_freeze(city.site, Scope.EVERYTHING, WRITER, reason="まだ確かめている")
    assert not lift(city.site, Scope.EVERYTHING, BOTH)
    assert held(city) == [Scope.EVERYTHING]


def test_a_word_for_lifting_it_counts_for_a_quarter_of_an_hour(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    lift(city.site, Scope.EVERYTHING, APPROVER)
    city.clock.advance(AGREED_FOR)
    assert not lift(city.site, Scope.EVERYTHING, BOTH)
    assert lift(city.site, Scope.EVERYTHING, APPROVER)


def test_one_person_at_two_desks_never_lifts_it_and_two_people_always_do(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    with ThreadPoolExecutor(4) as desks:
        same = list(desks.map(lambda _: lift(city.site, Scope.EVERYTHING, APPROVER), range(4)))
        assert same == [False] * 4
        both = [desks.submit(_lifted, city, person) for person in (APPROVER, BOTH)]
        assert [one.result() for one in both].count(True) == 1
    assert held(city) == []


def _lifted(city: City, person: Person) -> bool:
    try:
        return lift(city.site, Scope.EVERYTHING, person)
    except MoveRefused:  # the other one was faster, and the first word was there before
        return False


def test_who_says_freeze_while_another_lifts_it_leaves_it_frozen(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    with ThreadPoolExecutor(2) as desks:
        for _ in range(5):
            lift(city.site, Scope.EVERYTHING, APPROVER)
            lifting = desks.submit(lift, city.site, Scope.EVERYTHING, BOTH)
            setting = desks.submit(set_freeze, city.site, Scope.EVERYTHING, WRITER, reason="再設定")
            assert lifting.result() == setting.result()  # lifted and set anew, or kept
            assert held(city) == [Scope.EVERYTHING]
            set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)


def test_what_is_claimed_already_is_not_begun(city: City) -> None:
    going_out(city, 5)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        claimed = store.claim(session, "mail", "me", handed=False, limit=5, now=now, until=now + LEASE)
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    with writing(city.site.engine) as session:
        assert not store.mark_handed(session, "me", [one.id for one in claimed], now)
        assert crowds.claim_and_mark(session, "mail", "you", limit=5, now=now, until=now + LEASE) == []


def test_drills_are_frozen_by_themselves_and_real_alerts_go_on(city: City) -> None:
    drill = going_out(city, 3, Status.EXERCISE)
    set_freeze(city.site, Scope.DRILLS, TRAINEE, reason=WHY)
    real = going_out(city, 0, name="second")
    city.tick()
    city.drain()
    assert city.mail(real).outcomes["accepted"] == 3
    assert city.mail(drill).outcomes["pending"] == 3
    with writing(city.site.engine) as session:
        assert open_below(session, city.clock.now()) < ALL
        now = city.clock.now()
        assert crowds.claim_and_mark(session, "mail", "me", limit=5, now=now, until=now + LEASE) == []


def test_a_freeze_ends_drills_rather_than_let_them_go_out_late(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    with reading(city.site.engine) as session:
        assert "frozen" in (hindrance(session, city.clock.now()) or "")


def test_what_was_approved_in_a_freeze_that_lasted_is_approved_anew(city: City) -> None:
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    factories.add_people(city.site, ["a@example.jp"])
    dispatch = factories.submit(city.site, factories.make_alert(sent=city.clock.now()))
    factories.approve(city.site, dispatch)
    city.tick()
    assert city.report(dispatch).state is State.APPROVED
    city.clock.advance(timedelta(minutes=20))
    lift(city.site, Scope.EVERYTHING, APPROVER)
    lift(city.site, Scope.EVERYTHING, BOTH)
    city.tick()
    assert city.report(dispatch).state is State.SUBMITTED
    assert city.drain() == 0


def test_a_frozen_alert_can_be_stopped_and_expires_unsent(city: City) -> None:
    stopped, left = going_out(city, 3), going_out(city, 0, name="second")
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    halt.halt(city.site, stopped, APPROVER, ["mail"])
    issue.cancel(city.site, stopped, APPROVER, reason="誤り", correct=False)
    assert city.mail(stopped).outcomes["cancelled"] == 3
    city.clock.advance(timedelta(hours=7))
    city.tick()
    assert city.mail(left).outcomes["expired"] == 3
    assert city.heard() == []


def test_only_who_may_sets_and_lifts_it_and_only_with_a_reason(city: City) -> None:
    viewer = Person(WRITER.id, WRITER.name, frozenset({Role.VIEW}))
    for person, scope in ((viewer, Scope.EVERYTHING), (TRAINEE, Scope.EVERYTHING), (viewer, Scope.DRILLS)):
        with pytest.raises(MoveRefused, match="role"):
            set_freeze(city.site, scope, person, reason=WHY)
    with pytest.raises(MoveRefused, match="write why"):
        set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=" ")
    with pytest.raises(MoveRefused, match="not frozen any more"):
        lift(city.site, Scope.EVERYTHING, APPROVER)
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    with pytest.raises(MoveRefused, match="role"):
        lift(city.site, Scope.EVERYTHING, WRITER)


def test_it_is_in_the_trail_the_alarms_and_the_readiness(city: City) -> None:
    def well() -> bool:
        return all(look.well for look in readiness(city.site) if look.what == "freeze")

    assert well()
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    assert not well()
    assert not ready(readiness(city.site))
    with reading(city.site.engine) as session:
        assert [row.name for row in store.alarms(session)] == ["freeze-everything"]
    lift(city.site, Scope.EVERYTHING, APPROVER)
    lift(city.site, Scope.EVERYTHING, BOTH)
    assert well()
    with reading(city.site.engine) as session:
        assert not store.alarms(session)
        told = {row.action: (row.actor, row.detail) for row in session.scalars(select(AuditRow))}
    assert told["freeze.set"] == (WRITER.name, {"reason": WHY})
    assert told["freeze.lifted"][0] == BOTH.name
    assert told["freeze.lifted"][1]["with"] == APPROVER.name


@pytest.mark.parametrize("patience", [2.0])
def test_the_last_hand_over_is_soon_after_the_freeze(make_city: MakeCity, patience: float) -> None:
    city = make_city(per_second=40.0, clock=SystemClock())
    dispatch = going_out(city, 200)
    stop = threading.Event()
    sender = threading.Thread(target=drain, args=(city.site, "mail", stop))
    sender.start()
    while not city.heard():
        stop.wait(0.05)
    freeze.set_freeze(city.site, Scope.EVERYTHING, WRITER, reason=WHY)
    sender.join(patience)
    alive = sender.is_alive()
    stop.set()
    sender.join()
    assert not alive
    tally = city.mail(dispatch)
    assert tally.outcomes["pending"] > 50
    assert tally.outcomes["accepted"] == len(city.heard())
    with reading(city.site.engine) as session:
        assert not session.scalar(
            select(DeliveryRow.id).where(DeliveryRow.handed_at.is_not(None), DeliveryRow.outcome.is_(None))
        )
