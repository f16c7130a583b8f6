"""The hourly number: beyond it a real alert waits for the word of somebody who administers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from alertd import hourly, issue, override
from alertd.alert import Status
from alertd.db import reading, writing
from alertd.dispatch import Person, Role, State
from alertd.errors import MoveRefused, TooManyThisHour
from alertd.tables import AuditRow, OperatorRow
from tests import factories
from tests.factories import APPROVER, WRITER
from tests.flow.conftest import City

CHIEF = Person(7, "管理 四郎", frozenset({Role.ADMINISTER}))


@pytest.fixture
def busy(city: City) -> City:
    """A city in which one real alert was let go, and one is the most in an hour."""
    approval = city.site.config.approval.model_copy(update={"real_per_hour": 1})
    city.site.config = replace(city.site.config, approval=approval)
    factories.add_people(city.site, ["a@example.jp"])
    with writing(city.site.engine) as session:
        roles = sorted(CHIEF.roles)
        session.add(
            OperatorRow(
                id=CHIEF.id, name=CHIEF.name, password_hash="-", roles=roles, created_at=factories.START
            )
        )
    factories.approve(city.site, real(city, "first"))
    return city


def real(city: City, name: str, *, status: Status = Status.ACTUAL, life_threat: bool = False) -> int:
    return factories.submit(
        city.site, factories.make_alert(identifier=name, status=status), life_threat=life_threat
    )


def test_one_too_many_waits_for_who_administers_and_two_people_stay_two(busy: City) -> None:
    number = real(busy, "second")
    with pytest.raises(TooManyThisHour, match="1 real alerts"):
        factories.approve(busy.site, number)
    with pytest.raises(MoveRefused, match="role administer"):
        hourly.permit(busy.site, number, APPROVER)
    hourly.permit(busy.site, number, CHIEF)
    hourly.permit(busy.site, number, CHIEF)
    with pytest.raises(MoveRefused, match="may not approve"):
        factories.approve(busy.site, number, CHIEF)
    factories.approve(busy.site, number)
    assert busy.report(number).state is State.APPROVED
    with reading(busy.site.engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.subject == f"dispatch:{number}")).all()
    assert [row.action for row in rows][-2:] == ["dispatch.permitted", "dispatch.approved"]
    assert rows[-1].detail["this_hour"] == 1


def test_of_two_approvals_at_once_only_as_many_pass_as_may(busy: City) -> None:
    busy.clock.advance(timedelta(minutes=61))
    waiting, gate = [real(busy, name) for name in ("one", "two")], Barrier(2)
    shown = {number: factories.content_hash(busy.site, number) for number in waiting}

    def deed(number: int) -> bool:
        gate.wait()
        try:
            issue.approve(busy.site, number, APPROVER, seen=shown[number])
        except TooManyThisHour:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(deed, waiting)) == [False, True]


def test_who_administers_and_approves_agrees_by_approving(busy: City) -> None:
    number = real(busy, "second")
    both = replace(APPROVER, roles=APPROVER.roles | {Role.ADMINISTER})
    factories.approve(busy.site, number, both)
    assert busy.report(number).state is State.APPROVED


def test_nobody_permits_their_own(busy: City) -> None:
    number = real(busy, "second")
    with pytest.raises(MoveRefused, match="another person must permit"):
        hourly.permit(busy.site, number, replace(WRITER, roles=WRITER.roles | {Role.ADMINISTER}))


def test_drills_neither_count_nor_wait(busy: City) -> None:
    for name in ("drill-1", "drill-2"):
        factories.approve(busy.site, real(busy, name, status=Status.EXERCISE))
    busy.clock.advance(timedelta(minutes=61))
    factories.approve(busy.site, real(busy, "next-hour"))


def test_a_correction_never_waits(busy: City) -> None:
    correction = issue.cancel(busy.site, 1, APPROVER, reason="誤り", correct=True)
    assert correction is not None


def test_a_threat_to_life_goes_out_alone_beyond_the_number(busy: City) -> None:
    device = factories.enrol(busy.site, WRITER)
    number = real(busy, "grave", life_threat=True)
    seen, code = factories.content_hash(busy.site, number), device.at(busy.clock.now())
    override.let_go(busy.site, number, WRITER, seen=seen, reason="庁舎に一人、川が氾濫", code=code)
    assert busy.report(number).state is State.APPROVED
