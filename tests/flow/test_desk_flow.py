"""Tasks for people: ticks are receipts, silence is an alarm, and the tally is the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from alertd import desk, issue, plan, store
from alertd.channel import Outcome, Reason
from alertd.db import reading
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.relay import Relay
from alertd.report import ChannelTally, report
from alertd.send import drain
from alertd.settings import read_settings
from alertd.site import Site
from alertd.store.tasks import Task, ended_tasks, open_tasks
from alertd.testing import FixedClock
from channels.desk import DeskChannel, DeskSettings
from tests import factories
from tests.factories import APPROVER, BOTH, WRITER

CARS = ["広報車1号 嵐南を一巡", "広報車2号 嵐南を一巡", "自治会長へ電話"]


@dataclass
class City:
    site: Site
    clock: FixedClock

    def send(self) -> int:
        number = factories.submit(self.site, channels=("cars",))
        factories.approve(self.site, number)
        plan.plan(self.site, number)
        self.drain()
        return number

    def drain(self) -> None:
        drain(self.site, "cars", threading.Event())

    def tick(self) -> None:
        relay = Relay(self.site, lambda _: True)
        try:
            relay.tick()
        finally:
            relay.close()

    def tally(self, number: int) -> ChannelTally:
        with reading(self.site.engine) as session:
            tally = report(session, number).channels["cars"]
        assert sum(tally.outcomes.values()) == tally.planned
        return tally

    def state(self, number: int) -> State:
        with reading(self.site.engine) as session:
            return report(session, number).state

    def tasks(self) -> list[Task]:
        with reading(self.site.engine) as session:
            return open_tasks(session, ["cars"])

    def ended(self) -> list[Task]:
        with reading(self.site.engine) as session:
            return ended_tasks(session, ["cars"], factories.START)

    def alarms(self) -> list[str]:
        desk.watch(self.site)
        with reading(self.site.engine) as session:
            return [row.message for row in store.alarms(session)]


@pytest.fixture
def city(tmp_path: Path, database_url: str) -> Iterator[City]:
    clock = FixedClock(factories.START)
    settings = read_settings(DeskSettings, {"kind": "desk", "start_within": 600}, "channels.cars")
    site = factories.make_site(
        tmp_path, database_url, {"cars": settings}, {"cars": DeskChannel("cars", settings)}, clock=clock
    )
    factories.add_people(site, CARS, kind="desk")
    yield City(site, clock)
    site.close()


def test_ticks_tell_who_set_out_and_who_has_done_it(city: City):
    number = city.send()
    first, second, third = city.tasks()
    assert first.address == CARS[0] and not first.under_way
    assert city.tally(number).outcomes[Outcome.ACCEPTED] == 3

    desk.start(city.site, first.delivery_id, APPROVER)
    city.clock.advance(timedelta(minutes=1))
    desk.start(city.site, first.delivery_id, BOTH)
    started = city.tasks()[0]
    assert (started.under_way, started.started_by, started.started_at) == (
        True,
        APPROVER.name,
        factories.START,
    ), "who was first is named"
    tally = city.tally(number)
    assert (tally.outcomes[Outcome.ACCEPTED], tally.reasons) == (3, {Reason.UNDER_WAY: 1})

    desk.finish(city.site, first.delivery_id, BOTH)
    desk.give_up(city.site, second.delivery_id, BOTH, "冠水で通れない")
    desk.finish(city.site, third.delivery_id, APPROVER, "2回かけて出た")
    desk.give_up(city.site, first.delivery_id, APPROVER, "twice is harmless")
    tally = city.tally(number)
    assert (tally.outcomes[Outcome.DELIVERED], tally.outcomes[Outcome.FAILED], tally.open) == (2, 1, 0)
    ended = {task.delivery_id: (task.ended_by, task.said) for task in city.ended()}
    assert ended == {
        first.delivery_id: (BOTH.name, "done"),
        second.delivery_id: (BOTH.name, "冠水で通れない"),
        third.delivery_id: (APPROVER.name, "2回かけて出た"),
    }
    assert city.tasks() == []
    city.tick()
    assert city.state(number) is State.FINISHED


def test_a_dispatch_goes_on_as_long_as_a_task_is_open(city: City):
    number = city.send()
    city.clock.advance(timedelta(hours=2))
    city.drain()
    city.tick()
    assert city.state(number) is State.SENDING
    assert city.tally(number).open == 3


def test_a_task_that_nobody_takes_in_time_is_an_alarm_until_somebody_does(city: City):
    city.send()
    city.clock.advance(timedelta(seconds=599))
    assert city.alarms() == []
    city.clock.advance(timedelta(seconds=1))
    assert city.alarms() == ["3 tasks of dispatch 1 are overdue"]
    for task in city.tasks():
        desk.start(city.site, task.delivery_id, APPROVER)
    assert city.alarms() == []
    city.clock.advance(timedelta(hours=1))
    assert city.alarms() == ["3 tasks of dispatch 1 are overdue"], "who set out should be back"
    for task in city.tasks():
        desk.finish(city.site, task.delivery_id, APPROVER)
    assert city.alarms() == []


def test_what_is_stopped_is_taken_off_the_desk_unless_somebody_is_on_the_way(city: City):
    number = city.send()
    first, *_ = city.tasks()
    desk.start(city.site, first.delivery_id, APPROVER)
    issue.cancel(city.site, number, BOTH, reason="誤報", correct=False)
    city.drain()
    (left,) = city.tasks()
    assert (left.delivery_id, left.state) == (first.delivery_id, State.CANCELLED)
    tally = city.tally(number)
    assert (tally.outcomes[Outcome.CANCELLED], tally.outcomes[Outcome.ACCEPTED]) == (2, 1)
    desk.give_up(city.site, first.delivery_id, APPROVER, "引き返した")
    assert city.tally(number).open == 0


def test_what_nobody_ticked_until_it_expires_is_not_called_done(city: City):
    number = city.send()
    first, *_ = city.tasks()
    desk.start(city.site, first.delivery_id, APPROVER)
    city.clock.advance(timedelta(hours=7))
    city.drain()
    tally = city.tally(number)
    assert (tally.outcomes[Outcome.ACCEPTED], tally.outcomes[Outcome.FAILED]) == (1, 2)
    assert tally.reasons == {Reason.UNCONFIRMED: 1, Reason.NO_ANSWER: 2}
    city.tick()
    assert city.state(number) is State.FINISHED


def test_only_tasks_can_be_ticked(city: City):
    city.send()
    with pytest.raises(NotFound):
        desk.start(city.site, 999, WRITER)
