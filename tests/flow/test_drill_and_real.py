"""A drill gives way to the real thing: at once, with a word to those who heard of it, and behind it in every queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd import issue, plan, store
from alertd.alert import Severity, Status
from alertd.audience import Audience
from alertd.channel import Outcome
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.drill import Ending
from alertd.drill.document import WrongScenario
from alertd.drill.file import read
from alertd.drill.report import drill_report
from alertd.errors import MoveRefused, WrongAlert
from alertd.relay import Relay
from alertd.store import drills
from alertd.tables import DeliveryRow
from tests import factories
from tests.drill_town import SCENARIO, SHORT, Town
from tests.factories import APPROVER, TRAINEE, WRITER

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    opened = Town.open(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}")
    yield opened
    opened.close()


def _running(town: Town) -> int:
    """A drill whose first message went out and whose second is half an hour away."""
    number = town.schedule(after=20 * MINUTE)
    town.look()
    town.arm(number)
    start = town.occurrence(number).starts_at
    town.go_to(start - 10 * MINUTE, step=HOUR)
    town.go_to(start - MINUTE, step=HOUR)
    town.go_to(start, step=HOUR)
    assert len(town.heard()) == 2
    return number


def test_a_real_alert_breaks_a_running_drill_off_and_says_so(town: Town) -> None:
    number = _running(town)
    town.clock.advance(5 * MINUTE)
    town.real_alert()
    town.look()
    assert town.occurrence(number).ending == Ending.ABORTED
    assert len(town.heard()) == 3
    assert "中止します" in town.heard()[-1]
    assert len(town.live_end.heard()) == 5
    town.go_to(town.clock.now() + 2 * HOUR, step=30 * MINUTE)
    assert len(town.heard()) == 3, "the second message never goes out"


def test_what_a_broken_off_drill_had_not_handed_over_is_stopped(town: Town) -> None:
    number = town.schedule(SHORT, after=20 * MINUTE)
    town.look()
    town.arm(number)
    start = town.occurrence(number).starts_at
    town.go_to(start - MINUTE, step=HOUR)
    town.clock.advance(MINUTE)
    town.look(send=False)
    (dispatch, _) = town.dispatches(number)
    plan.plan(town.site, dispatch.id)
    town.real_alert()
    town.look()
    with reading(town.site.engine) as session:
        outcomes = set(
            session.scalars(select(DeliveryRow.outcome).where(DeliveryRow.dispatch_id == dispatch.id))
        )
    assert outcomes == {Outcome.CANCELLED}
    assert [one for one in town.drill_end.heard() if "断水" in (one.text or "")] == []


def test_no_drill_begins_while_a_real_alert_is_in_force_or_just_was(town: Town) -> None:
    number = town.schedule(SHORT, after=3 * HOUR)
    town.look()
    town.arm(number)
    town.real_alert(life=4 * HOUR)
    town.look()
    town.go_to(town.occurrence(number).starts_at - 61 * MINUTE, step=HOUR)
    assert town.occurrence(number).ending is None, "it may be over by then"
    town.go_to(town.occurrence(number).starts_at - 59 * MINUTE, step=HOUR)
    assert town.occurrence(number).ending == Ending.ABORTED
    assert town.heard() == []


def test_a_slight_real_notice_leaves_a_drill_alone(town: Town) -> None:
    number = _running(town)
    town.clock.advance(MINUTE)
    town.real_alert(severity=Severity.MINOR)
    town.look()
    assert town.occurrence(number).ending is None


def test_a_person_stops_a_running_drill_and_those_who_heard_are_told(town: Town) -> None:
    number = _running(town)
    town.stop(number)
    town.look()
    assert town.occurrence(number).ending == Ending.CANCELLED
    assert "中止します" in town.heard()[-1]
    with pytest.raises(MoveRefused):
        town.stop(number)


def test_the_report_says_how_soon_a_drill_was_called_off_and_corrected(town: Town) -> None:
    number = _running(town)
    with reading(town.site.engine) as session:
        step = [step for step in drills.steps(session, number) if step.fired_at is not None][-1]
        sent = drills.step_dispatches(session, number)[step.id].id
    town.clock.advance(timedelta(seconds=40))
    correction = issue.cancel(town.site, sent, APPROVER, reason="操作の訓練", correct=True)
    town.send()
    with reading(town.site.engine) as session:
        found = drill_report(session, number).messages[-1].correction
    assert found is not None and found.dispatch == correction
    assert found.clicked_after == 40.0
    assert found.pace.percent == 100.0, "of those who had heard the message"


def test_a_drill_that_nobody_heard_of_is_stopped_in_silence(town: Town) -> None:
    number = town.schedule(SHORT, after=HOUR)
    town.look()
    town.arm(number)
    town.stop(number)
    town.look()
    assert town.heard() == []
    town.go_to(town.clock.now() + 3 * HOUR, step=HOUR)
    assert town.heard() == []


def test_every_drill_stands_behind_every_real_alert_in_the_queue(town: Town) -> None:
    drill = factories.submit(
        town.site,
        factories.make_alert(identifier="drill", severity=Severity.EXTREME, sent=town.clock.now()),
        channels=("drill-mail",),
        audience=Audience(everybody=True),
    )
    factories.approve(town.site, drill)
    real = town.real_alert(severity=Severity.UNKNOWN)
    with writing(town.site.engine) as session:
        first, second = (store.dispatch(session, number) for number in (real, drill))
        assert first is not None and second is not None and first.priority < second.priority
        assert store.severity(second) is Severity.EXTREME
        assert [row.id for row in store.dispatches_in(session, first.state)] == [real, drill]


@pytest.mark.parametrize("channel", ["live-mail", "live-fm"])
def test_no_drill_goes_over_a_section_for_real_alerts(town: Town, channel: str) -> None:
    number = town.schedule(SHORT.replace("drill-mail", channel), after=HOUR)
    town.look()
    assert town.occurrence(number).prepared_at is None
    assert "does not carry Exercise" in (town.occurrence(number).why or "")
    with reading(town.site.engine) as session:
        assert [row.name for row in store.alarms(session)] == [f"drill:{number}"]
    with pytest.raises(WrongAlert):
        factories.submit(town.site, channels=(channel,))


def test_a_section_for_both_is_for_real_alerts_alone_unless_the_city_says_otherwise(tmp_path: Path) -> None:
    town = Town.open(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", mixed=True)
    try:
        number = town.schedule(SHORT.replace("drill-mail", "both-mail"), after=HOUR)
        town.look()
        assert "carries real alerts too" in (town.occurrence(number).why or "")
    finally:
        town.close()


def test_a_trainee_never_reaches_a_live_section(town: Town) -> None:
    now = town.clock.now()
    alert = factories.make_alert(identifier="t", status=Status.ACTUAL, sent=now)
    with pytest.raises(MoveRefused, match="trainee"):
        issue.submit(
            town.site,
            issue.Submission(alert=alert, audience=Audience(everybody=True), channels=("live-mail",)),
            TRAINEE,
        )


def test_drills_for_staff_and_subscribers_reach_nobody_else(town: Town) -> None:
    text = SHORT.replace("audience: everybody", "audience: [staff, subscribers]")
    number = town.schedule(text, after=20 * MINUTE, person=WRITER)
    town.look()
    town.arm(number, APPROVER)
    start = town.occurrence(number).starts_at
    town.go_to(start - MINUTE, step=HOUR)
    town.go_to(start)
    assert {one.address for one in town.drill_end.heard()} == {"staff@example.jp", "keen@example.jp"}


def test_a_scenario_is_read_with_every_mistake_named() -> None:
    with pytest.raises(WrongScenario) as caught:
        read(SCENARIO.replace("flood-4", "flod-4").replace("T+30m", "later"))
    assert [problem.field for problem in caught.value.problems] == [
        "line 15, steps[1].at",
        "line 16, steps[1].template",
    ]


def test_a_dispatch_that_names_a_section_without_words_keeps_no_other_from_going(town: Town) -> None:
    broken = factories.submit(
        town.site, channels=("drill-mail", "drill-fm"), audience=Audience(everybody=True)
    )
    factories.approve(town.site, broken)
    with writing(town.site.engine) as session:
        row = store.dispatch(session, broken)
        assert row is not None
        row.channels = ["gone", "live-mail", "drill-mail"]
    other = factories.submit(
        town.site,
        factories.make_alert(identifier="other", sent=town.clock.now()),
        channels=("drill-mail",),
        audience=Audience(everybody=True),
    )
    factories.approve(town.site, other)
    relay = Relay(town.site, lambda _: True)
    try:
        relay.tick()
    finally:
        relay.close()
    with reading(town.site.engine) as session:
        states = {row.state for row in store.dispatches_in(session, *State)}
        names = {alarm.name for alarm in store.alarms(session)}
    assert State.APPROVED not in states
    assert {"refused:gone", "refused:live-mail"} <= names
