"""The emergency override: proved, held for a moment, told to others, and looked at afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from pyotp import TOTP
from sqlalchemy import select

from alertd import issue, override, plan, store
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import Person, State
from alertd.errors import MoveRefused, OverrideSpent
from alertd.tables import AuditRow
from tests import factories
from tests.factories import APPROVER, BOTH, WRITER
from tests.flow.conftest import City

REASON = "庁舎に一人、川が氾濫"


def grave(city: City, *, identifier: str = "grave", life_threat: bool = True) -> tuple[int, str]:
    """A real alert about a threat to life, and the hash of what its author sees."""
    factories.add_people(city.site, [f"{identifier}@example.jp"])
    alert = factories.make_alert(identifier=identifier, status=Status.ACTUAL)
    number = factories.submit(city.site, alert, life_threat=life_threat)
    return number, factories.content_hash(city.site, number)


def alarms(city: City) -> list[str]:
    with reading(city.site.engine) as session:
        return [row.name for row in store.alarms(session)]


def alone(city: City) -> int:
    """An alert that one person has just let go."""
    return alone_with(city, factories.enrol(city.site, WRITER))


def alone_with(city: City, device: TOTP) -> int:
    """The same, with the device that the writer has."""
    number, seen = grave(city)
    code = device.at(city.clock.now())
    override.let_go(city.site, number, WRITER, seen=seen, reason=REASON, code=code)
    return number


def test_it_needs_a_threat_to_life_a_reason_and_a_second_factor(city: City) -> None:
    plain, seen = grave(city, identifier="plain", life_threat=False)
    with pytest.raises(MoveRefused, match="life-threat"):
        override.let_go(city.site, plain, WRITER, seen=seen, reason=REASON)
    number, seen = grave(city)
    with pytest.raises(MoveRefused, match="reason"):
        override.let_go(city.site, number, WRITER, seen=seen, reason=" ")
    with pytest.raises(MoveRefused, match="second factor, and you have none"):
        override.let_go(city.site, number, WRITER, seen=seen, reason=REASON)
    device = factories.enrol(city.site, WRITER)
    with pytest.raises(MoveRefused, match="does not fit"):
        override.let_go(city.site, number, WRITER, seen=seen, reason=REASON, code="000000")
    assert city.report(number).state is State.SUBMITTED
    override.let_go(city.site, number, WRITER, seen=seen, reason=REASON, code=device.at(city.clock.now()))
    assert city.report(number).state is State.APPROVED


def often(city: City, count: int) -> None:
    """Lets people send alone so often in an hour."""
    approval = city.site.config.approval.model_copy(update={"overrides_per_hour": count})
    city.site.config = replace(city.site.config, approval=approval)


def test_a_code_counts_once(city: City) -> None:
    often(city, 2)
    device = factories.enrol(city.site, WRITER)
    first, seen_first = grave(city, identifier="first")
    second, seen_second = grave(city, identifier="second")
    code = device.at(city.clock.now())
    override.let_go(city.site, first, WRITER, seen=seen_first, reason=REASON, code=code)
    with pytest.raises(MoveRefused, match="was used"):
        override.let_go(city.site, second, WRITER, seen=seen_second, reason=REASON, code=code)


def test_nothing_goes_out_while_it_can_be_taken_back(city: City) -> None:
    number = alone(city)
    hold = city.site.config.approval.hold
    city.clock.advance(timedelta(seconds=hold - 1))
    assert plan.plan(city.site, number) == 0
    issue.cancel(city.site, number, WRITER, reason="見間違い", correct=False)
    city.clock.advance(timedelta(seconds=60))
    assert plan.plan(city.site, number) == 0
    assert city.heard() == []


def test_it_goes_out_when_nobody_took_it_back(city: City) -> None:
    number = alone(city)
    city.clock.advance(timedelta(seconds=city.site.config.approval.hold))
    assert plan.plan(city.site, number) == 1
    city.drain()
    assert len(city.heard()) == 1


def test_everybody_is_told_until_another_approver_has_looked(city: City) -> None:
    number = alone(city)
    assert alarms(city) == [f"override:{number}"]
    with pytest.raises(MoveRefused, match="role"):
        override.review(city.site, number, WRITER, note="問題なし")
    override.review(city.site, number, APPROVER, note="問題なし")
    assert alarms(city) == []
    with pytest.raises(MoveRefused, match="waits for no review"):
        override.review(city.site, number, APPROVER, note="問題なし")
    with reading(city.site.engine) as session:
        rows = session.scalars(select(AuditRow.action).where(AuditRow.subject == f"dispatch:{number}")).all()
    assert rows[-2:] == ["dispatch.overridden", "dispatch.reviewed"]


def test_nobody_reviews_what_they_sent_themselves(city: City) -> None:
    device = factories.enrol(city.site, BOTH)
    number, seen = grave(city)
    override.let_go(city.site, number, BOTH, seen=seen, reason=REASON, code=device.at(city.clock.now()))
    with pytest.raises(MoveRefused, match="another person must review"):
        override.review(city.site, number, BOTH, note="問題なし")


def test_one_person_sends_alone_once_an_hour_and_then_learns_who_can_approve(city: City) -> None:
    device, number = factories.enrol(city.site, BOTH), alone(city)
    second, seen = grave(city, identifier="second")

    def again() -> None:
        code = device.at(city.clock.now())
        override.let_go(city.site, second, BOTH, seen=seen, reason=REASON, code=code)

    city.clock.advance(timedelta(minutes=59))
    with pytest.raises(OverrideSpent, match=f"ordinary approval .{APPROVER.name}.") as refused:
        again()
    assert refused.value.free_at == factories.START + timedelta(hours=1)
    assert city.report(second).state is State.SUBMITTED
    assert set(alarms(city)) == {f"override:{number}", f"alone:{second}"}, "all who may approve are told"
    with reading(city.site.engine) as session:
        rows = session.scalars(select(AuditRow.action).where(AuditRow.subject == f"dispatch:{second}")).all()
    assert rows[-1] == "dispatch.override_refused"
    factories.approve(city.site, second)
    assert f"alone:{second}" not in alarms(city), "ordinary approval is open at once"
    third, seen_third = grave(city, identifier="third")
    city.clock.advance(timedelta(minutes=1))
    code = device.at(city.clock.now())
    override.let_go(city.site, third, BOTH, seen=seen_third, reason=REASON, code=code)


def test_of_two_who_send_alone_at_once_one_is_refused(city: City) -> None:
    devices = {person: factories.enrol(city.site, person) for person in (WRITER, BOTH)}
    gate = Barrier(2)

    def deed(person: Person) -> str:
        number, seen = waiting[person]
        code = devices[person].at(city.clock.now())
        gate.wait()
        try:
            override.let_go(city.site, number, person, seen=seen, reason=REASON, code=code)
        except OverrideSpent:
            return "refused"
        return "sent"

    waiting = {person: grave(city, identifier=f"at-once-{person.id}") for person in devices}
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(deed, devices)) == ["refused", "sent"]


def test_drills_are_sent_alone_as_often_as_one_practises(city: City) -> None:
    device = factories.enrol(city.site, WRITER)
    for number in range(2):
        factories.add_people(city.site, [f"drill-{number}@example.jp"])
        alert = factories.make_alert(identifier=f"drill-{number}")
        drill = factories.submit(city.site, alert, life_threat=True)
        seen, code = factories.content_hash(city.site, drill), device.at(city.clock.now())
        override.let_go(city.site, drill, WRITER, seen=seen, reason=REASON, code=code)
        city.clock.advance(timedelta(minutes=1))
    number = alone_with(city, device)
    assert city.report(number).state is State.APPROVED


def test_an_approval_that_nothing_followed_lapses_and_is_asked_for_anew(city: City) -> None:
    factories.add_people(city.site, ["a@example.jp"])
    number = factories.submit(city.site)
    factories.approve(city.site, number)
    city.clock.advance(timedelta(minutes=15, seconds=1))
    assert plan.plan(city.site, number) == 0
    assert city.report(number).state is State.SUBMITTED
    assert alarms(city) == [f"lapsed:{number}"]
    city.clock.advance(timedelta(minutes=1))
    city.tick()
    assert city.report(number).state is State.SUBMITTED and city.heard() == []
    factories.approve(city.site, number)
    assert alarms(city) == []
    assert plan.plan(city.site, number) == 1


def test_an_approval_within_the_time_does_not_lapse(city: City) -> None:
    factories.add_people(city.site, ["a@example.jp"])
    number = factories.submit(city.site)
    factories.approve(city.site, number)
    city.clock.advance(timedelta(minutes=15))
    assert plan.plan(city.site, number) == 1
