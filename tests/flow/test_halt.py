"""The halt: a channel that is stopped hands nothing over, says so, and goes on where it stood."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from alertd import halt, issue, plan, store
from alertd.alert import Status
from alertd.channel import Outcome, Receipt
from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.errors import MoveRefused, NotFound
from alertd.receive import record
from alertd.send import drain
from alertd.tables import AuditRow, DeliveryRow, DispatchRow
from tests import factories
from tests.factories import APPROVER, TRAINEE, WRITER
from tests.flow.conftest import City, MakeCity

LEASE = timedelta(seconds=8)


def people(number: int) -> list[str]:
    return [f"p{n}@example.jp" for n in range(number)]


def going_out(city: City, number: int, status: Status = Status.EXERCISE) -> int:
    """A dispatch to so many, planned, nothing of it handed over."""
    factories.add_people(city.site, people(number))
    alert = factories.make_alert(status=status, sent=city.site.clock.now())
    dispatch = factories.submit(city.site, alert)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def test_a_stopped_channel_hands_nothing_over_and_says_so(city: City) -> None:
    dispatch = going_out(city, 30)
    assert list(halt.halt(city.site, dispatch, APPROVER, ["mail"])) == ["mail"]
    city.drain()
    city.tick()
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["cancelled"] == 30
    assert city.report(dispatch).state is State.FINISHED
    with reading(city.site.engine) as session:
        stop = halt.stops(session.get_one(DispatchRow, dispatch))["mail"]
    assert (stop.by, stop.at) == (APPROVER.name, city.clock.now())


def test_a_channel_that_is_stopped_before_planning_stays_stopped(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    halt.halt(city.site, dispatch, WRITER, ["mail"])
    city.tick()
    city.drain()
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["cancelled"] == 3


def test_what_is_claimed_already_is_stopped_before_its_hand_over(city: City) -> None:
    dispatch = going_out(city, 5)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        held = store.claim(session, "mail", "me", handed=False, limit=5, now=now, until=now + LEASE)
    assert len(held) == 5
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    with writing(city.site.engine) as session:
        assert not store.mark_handed(session, "me", [one.id for one in held], now)


def test_what_would_be_tried_again_ends_on_a_stopped_channel(city: City) -> None:
    factories.add_people(city.site, ["once-busy@example.jp", "a@example.jp"])
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    city.clock.advance(timedelta(hours=1))
    city.drain()
    assert [heard.address for heard in city.heard()] == ["a@example.jp"]
    outcomes = city.mail(dispatch).outcomes
    assert (outcomes["accepted"], outcomes["cancelled"]) == (1, 1)


def test_it_goes_on_with_those_that_were_not_reached_and_nobody_twice(city: City) -> None:
    factories.add_people(city.site, ["once-busy@example.jp", *people(5)])
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    city.tick()
    assert city.report(dispatch).state is State.FINISHED
    assert halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason="文面を確かめた") == 1
    assert city.report(dispatch).state is State.SENDING
    city.drain()
    city.tick()
    assert len(city.heard()) == len({heard.address for heard in city.heard()}) == 6
    assert city.mail(dispatch).outcomes["accepted"] == 6
    assert city.report(dispatch).state is State.FINISHED
    with reading(city.site.engine) as session:
        told = {row.action: row.detail for row in session.scalars(select(AuditRow))}
    assert told["dispatch.went_on"]["reason"] == "文面を確かめた"
    assert told["dispatch.halted"]["channels"] == ["mail"]


def test_a_late_word_of_the_first_attempt_does_not_stop_what_goes_on(city: City) -> None:
    factories.add_people(city.site, ["once-busy@example.jp"])
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason="再開")
    with writing(city.site.engine) as session:
        number = session.scalars(select(DeliveryRow.id)).one()
        late = Receipt(key="", outcome=Outcome.ACCEPTED)
        record(session, city.site, number, 1, late, city.clock.now())
    city.clock.advance(timedelta(hours=1))
    city.drain()
    assert city.mail(dispatch).outcomes["accepted"] == 1


def test_only_who_may_stops_and_lets_go_on_and_only_with_a_reason(city: City) -> None:
    dispatch = going_out(city, 1, Status.ACTUAL)
    with pytest.raises(MoveRefused, match="trainee"):
        halt.halt(city.site, dispatch, TRAINEE, ["mail"])
    with pytest.raises(NotFound, match="does not go over"):
        halt.halt(city.site, dispatch, APPROVER, ["fm"])
    with pytest.raises(MoveRefused, match="none of these channels is stopped"):
        halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason="x")
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    assert list(halt.halt(city.site, dispatch, APPROVER, ["mail"])) == []
    with pytest.raises(MoveRefused, match="why it goes on"):
        halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason=" ")
    with pytest.raises(MoveRefused, match="role"):
        halt.go_on(city.site, dispatch, WRITER, ["mail"], reason="再開")
    city.clock.advance(timedelta(hours=7))
    with pytest.raises(MoveRefused, match="expired"):
        halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason="再開")


def test_a_trainee_stops_a_drill(city: City) -> None:
    assert list(halt.halt(city.site, going_out(city, 1), TRAINEE, ["mail"])) == ["mail"]


def test_an_alert_that_was_called_off_does_not_go_on(city: City) -> None:
    dispatch = going_out(city, 1)
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    issue.cancel(city.site, dispatch, APPROVER, reason="誤り", correct=False)
    with pytest.raises(MoveRefused, match="cannot be moved"):
        halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason="再開")


@pytest.mark.parametrize("patience", [2.0])
def test_the_last_hand_over_is_soon_after_the_stop(make_city: MakeCity, patience: float) -> None:
    city = make_city(per_second=40.0, clock=SystemClock())
    dispatch = going_out(city, 400)
    stop = threading.Event()
    sender = threading.Thread(target=drain, args=(city.site, "mail", stop))
    sender.start()
    while not city.heard():
        stop.wait(0.05)
    halt.halt(city.site, dispatch, APPROVER, ["mail"])
    sender.join(patience)
    alive = sender.is_alive()
    stop.set()
    sender.join()
    assert not alive
    tally = city.mail(dispatch)
    assert tally.outcomes["cancelled"] > 100
    assert tally.outcomes["accepted"] == len(city.heard())
