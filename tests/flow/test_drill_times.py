"""A drill goes out at its times, once, when somebody has armed it; or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alertd import issue, store
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.drill import Ending, arm
from alertd.drill.fire import fire_due
from alertd.errors import MoveRefused
from alertd.store import drills
from alertd.tables import ArtefactRow, OperatorRow
from tests import factories
from tests.drill_town import RECURRING, SHORT, Town
from tests.factories import APPROVER, TRAINEE, WRITER

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town on SQLite."""
    opened = Town.open(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}")
    yield opened
    opened.close()


@pytest.fixture
def any_town(tmp_path: Path, database_url: str) -> Iterator[Town]:
    """A town on either database."""
    opened = Town.open(tmp_path, database_url)
    yield opened
    opened.close()


def _armed(town: Town, *, after: timedelta = HOUR) -> int:
    """A short drill that is armed and begins after so long."""
    number = town.schedule(SHORT, after=after)
    town.look()
    assert town.arm(number) == 1
    return number


def test_a_drill_walks_from_its_announcement_to_its_end(any_town: Town) -> None:
    town = any_town
    number = town.schedule()
    start = town.occurrence(number).starts_at
    town.look()
    town.go_to(start - 24 * HOUR, step=HOUR)
    # 17:00 the day before is 17 hours before 10:00
    assert town.arm(number) == 3, "the last message is more than a day away"
    town.go_to(start - 17 * HOUR, step=HOUR)
    assert len(town.heard()) == 1
    town.go_to(start - 61 * MINUTE, step=HOUR)
    assert town.arm(number) == 3
    town.go_to(start - MINUTE)
    assert len(town.heard()) == 2
    town.go_to(start)
    assert len(town.heard()) == 3
    town.go_to(start + 30 * MINUTE)
    town.go_to(start + 32 * MINUTE)
    assert len(town.heard()) == 4
    row = town.occurrence(number)
    assert row.ending == Ending.FINISHED
    assert [one.state for one in town.dispatches(number)] == [*[State.FINISHED] * 4, State.CANCELLED]
    assert town.live_end.heard() == []


def test_a_drill_that_nobody_armed_is_withheld_with_an_alarm(town: Town) -> None:
    number = town.schedule(SHORT, after=2 * HOUR)
    start = town.occurrence(number).starts_at
    town.go_to(start - 60 * MINUTE, step=10 * MINUTE)
    with reading(town.site.engine) as session:
        assert "nobody has armed it" in store.alarms(session)[0].message
    town.go_to(start)
    assert town.occurrence(number).ending == Ending.WITHHELD
    assert town.heard() == []


def test_who_scheduled_a_drill_does_not_arm_it(town: Town) -> None:
    number = town.schedule(SHORT, after=HOUR, person=factories.BOTH)
    town.look()
    with pytest.raises(MoveRefused, match="another person"):
        town.arm(number, factories.BOTH)
    with pytest.raises(MoveRefused):
        town.arm(number, TRAINEE)
    with pytest.raises(MoveRefused):
        town.schedule(SHORT, person=TRAINEE)


def test_a_message_of_a_drill_cannot_be_approved_by_itself(town: Town) -> None:
    number = town.schedule(SHORT, after=HOUR)
    town.look()
    (dispatch, _) = town.dispatches(number)
    with pytest.raises(MoveRefused, match="arm the drill"):
        issue.approve(town.site, dispatch.id, APPROVER, seen=dispatch.content_hash)


def test_nothing_but_what_was_shown_is_armed(town: Town) -> None:
    number = town.schedule(SHORT, after=HOUR)
    town.look()
    with pytest.raises(MoveRefused, match="read it anew"):
        arm.arm(town.site, number, APPROVER, seen="0" * 64)


def test_an_arming_holds_for_a_day(town: Town) -> None:
    number = town.schedule(SHORT, after=30 * HOUR)
    town.look()
    with pytest.raises(MoveRefused, match="24 hours"):
        town.arm(number)
    town.clock.advance(7 * HOUR)
    assert town.arm(number) == 1


@pytest.mark.parametrize("what", ["words", "operator", "audience", "time"])
def test_whatever_changes_after_the_arming_withholds_the_drill(town: Town, what: str) -> None:
    number = _armed(town)
    start = town.occurrence(number).starts_at
    town.go_to(start - 2 * MINUTE)
    (dispatch, _) = town.dispatches(number)
    with writing(town.site.engine) as session:
        if what == "words":
            made = store.artefacts(session, dispatch.id)[0]
            session.get_one(ArtefactRow, made.id).text = made.text.replace("訓練", "")
        elif what == "operator":
            session.get_one(OperatorRow, APPROVER.id).active = False
        elif what == "time":
            step = drills.steps(session, number)[0]
            assert step.due_at is not None
            step.due_at -= MINUTE / 2
        else:
            row = store.dispatch(session, dispatch.id)
            assert row is not None
            row.audience = {"areas": ["RHK"], "groups": []}
    town.go_to(start + MINUTE)
    assert town.occurrence(number).ending == Ending.WITHHELD
    assert town.heard() == []


def test_a_far_end_that_is_down_one_minute_before_withholds_the_drill(town: Town) -> None:
    number = _armed(town)
    start = town.occurrence(number).starts_at
    town.drill_end.go_down()
    town.go_to(start - 10 * MINUTE)
    with reading(town.site.engine) as session:
        assert "drill-mail" in store.alarms(session)[0].message
    town.go_to(start)
    assert town.occurrence(number).ending == Ending.WITHHELD


def test_a_far_end_that_came_back_in_time_lets_the_drill_begin(town: Town) -> None:
    number = _armed(town)
    start = town.occurrence(number).starts_at
    town.drill_end.go_down()
    town.go_to(start - 10 * MINUTE)
    town.drill_end.come_up()
    town.go_to(start)
    with reading(town.site.engine) as session:
        assert store.alarms(session) == []
    assert len(town.heard()) == 1


@pytest.mark.parametrize(("back_after", "ending"), [(5 * MINUTE, None), (120 * MINUTE, Ending.MISSED)])
def test_a_machine_that_was_off_at_its_time_fires_within_ten_minutes_or_never(
    town: Town, back_after: timedelta, ending: Ending | None
) -> None:
    number = _armed(town)
    start = town.occurrence(number).starts_at
    town.clock.advance(start + back_after - town.clock.now())
    town.look()
    assert len(town.heard()) == (0 if ending else 1)
    assert town.occurrence(number).ending == ending
    town.go_to(start + 3 * HOUR, step=HOUR)
    assert len(town.heard()) == (0 if ending else 1)


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
@pytest.mark.parametrize("at", [-90 * MINUTE, -5 * MINUTE, timedelta(), 5 * MINUTE])
def test_a_clock_that_jumps_never_makes_a_drill_fire_twice_or_late(
    town: Town, jump: timedelta, at: timedelta
) -> None:
    number = _armed(town, after=2 * HOUR)
    start = town.occurrence(number).starts_at
    town.clock.advance(start + at - town.clock.now())
    town.look()
    town.clock.advance(jump)
    town.look()
    for moment in (-60, -10, -1, 0, 4, 8, 12, 60):
        town.go_to(start + moment * MINUTE, step=DAY)
    fired = [step.fired_at for step in town.steps(number) if step.fired_at is not None]
    assert len(town.heard()) == len(fired) <= 1
    assert all(start <= moment <= start + 10 * MINUTE for moment in fired)
    skipped = jump > timedelta() and at < timedelta() and at + jump > 10 * MINUTE
    assert (town.occurrence(number).ending == Ending.MISSED) is skipped


def test_two_relays_fire_a_drill_once(any_town: Town) -> None:
    town = any_town
    number = _armed(town)
    start = town.occurrence(number).starts_at
    other = town.watch()
    town.go_to(start - MINUTE)
    town.clock.advance(MINUTE)
    ready = threading.Barrier(2)

    def relay() -> None:
        ready.wait()
        other.work()
        fire_due(town.site)

    threads = [threading.Thread(target=relay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    town.look()
    assert len(town.heard()) == 1
    with reading(town.site.engine) as session:
        rows = store.dispatches(session)
    assert len(rows) == 2, "one message and the word that breaks off, each once"


def test_a_recurring_drill_takes_place_once_for_each_time(town: Town) -> None:
    first = town.schedule(RECURRING, after=None)
    start = town.occurrence(first).starts_at
    assert start > town.clock.now()
    for week in range(3):
        begins = start + timedelta(weeks=week)
        number = first + week
        assert town.occurrence(number).starts_at == begins
        town.go_to(begins - HOUR, step=7 * DAY)
        town.arm(number)
        town.go_to(begins - 9 * MINUTE)
        town.go_to(begins - MINUTE)
        town.go_to(begins)
        town.go_to(begins + 2 * MINUTE)
        assert town.occurrence(number).ending == Ending.FINISHED
        town.look()
    assert len(town.heard()) == 3
    town.stop(first + 3, series=True)
    town.look()
    with pytest.raises(AssertionError):
        town.occurrence(first + 4)


def test_messages_whose_time_has_passed_when_it_is_scheduled_are_left_out(town: Town) -> None:
    number = town.schedule(after=20 * MINUTE)
    assert [step.part for step in town.steps(number)] == ["announcement", "step", "step", "abort"]
    with pytest.raises(MoveRefused):
        town.schedule(SHORT, person=WRITER.__class__(WRITER.id, WRITER.name, frozenset()))


def test_a_message_that_was_fired_and_not_planned_in_time_never_goes_out(town: Town) -> None:
    number = _armed(town)
    start = town.occurrence(number).starts_at
    town.go_to(start - MINUTE, step=DAY)
    town.clock.advance(MINUTE)
    town.look(send=False)
    assert town.steps(number)[0].fired_at == start
    town.clock.advance(11 * MINUTE)
    town.look()
    assert town.occurrence(number).ending == Ending.MISSED
    assert [line for line in town.heard() if "断水" in line] == []


def test_a_drill_that_is_armed_in_its_last_minute_is_looked_at_anew_and_takes_place(town: Town) -> None:
    number = town.schedule(SHORT, after=HOUR)
    start = town.occurrence(number).starts_at
    town.go_to(start - MINUTE, step=DAY)
    town.arm(number)
    town.clock.advance(MINUTE / 2)
    town.look()
    town.clock.advance(MINUTE / 2)
    town.look()
    assert len(town.heard()) == 1
