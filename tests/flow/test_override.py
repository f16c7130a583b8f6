"""The emergency override: proved, held for a moment, told to others, and looked at afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from alertd import issue, override, plan, store
from alertd.alert import Status
from alertd.db import reading
from alertd.dispatch import State
from alertd.errors import MoveRefused
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
    device = factories.enrol(city.site, WRITER)
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


def test_a_code_counts_once(city: City) -> None:
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
