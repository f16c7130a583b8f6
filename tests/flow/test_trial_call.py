"""A trial call reaches one recipient through the whole engine, in words that nobody chooses, and not too often."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from alertd import audit, cap, issue, plan, trial_call
from alertd.alert import Scope, Status
from alertd.audience import Audience
from alertd.channel import Medium, Outcome
from alertd.db import reading, writing
from alertd.dispatch import Move, Person, Role
from alertd.errors import MoveRefused, NotFound, WrongAudience
from alertd.tables import AlertRow, ArtefactRow, AuditRow, ContactRow, DeliveryRow
from tests import factories
from tests.factories import WRITER
from tests.flow.conftest import City, MakeCity

CLERK = Person(2, "窓口 一郎", frozenset({Role.ADMINISTER}))


@pytest.fixture
def city(make_city: MakeCity) -> City:
    city = make_city(kind="voice", medium=Medium.CALL, quiet_hours=("21:00", "07:00"))
    factories.add_people(city.site, ["+81256000001", "+81256000002"], kind="voice")
    return city


def test_one_recipient_is_called_and_the_result_is_kept(city: City) -> None:
    number = trial_call.begin(city.site, 1, CLERK)
    with reading(city.site.engine) as session:
        begun = trial_call.last_trials(session, [1, 2])
    assert {person: trial.outcome for person, trial in begun.items()} == {1: None}, "under way at once"
    plan.plan(city.site, number)
    assert city.drain() == 1
    with reading(city.site.engine) as session:
        rows = session.scalars(select(DeliveryRow).where(DeliveryRow.dispatch_id == number)).all()
        assert [row.recipient_id for row in rows] == [1], "nobody else"
        trial = trial_call.last_trials(session, [1, 2])
        alert = cap.parse(session.get_one(AlertRow, 1).document)
        words = session.scalars(select(ArtefactRow.text).where(ArtefactRow.dispatch_id == number)).one()
        deeds = session.scalars(select(AuditRow.action)).all()
        assert audit.verify(session) is None
    assert set(trial) == {1} and trial[1].outcome is Outcome.ACCEPTED and trial[1].dispatch_id == number
    assert (alert.status, alert.scope, alert.addresses) == (Status.TEST, Scope.PRIVATE, ("recipient:1",))
    assert "これは、試験です。" in words and "避難などの必要はありません" in words
    assert list(deeds)[:2] == ["dispatch.submitted", "dispatch.tried"]


def test_not_twice_within_ten_minutes_and_not_too_many_in_an_hour(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial_call.begin(city.site, 1, CLERK)
    with pytest.raises(MoveRefused, match="ten minutes"):
        trial_call.begin(city.site, 1, CLERK)
    monkeypatch.setattr(trial_call, "MOST", 1)
    with pytest.raises(MoveRefused, match="last hour"):
        trial_call.begin(city.site, 2, CLERK)
    city.clock.advance(timedelta(minutes=61))
    assert trial_call.begin(city.site, 1, CLERK)


def test_it_waits_for_real_alerts_and_for_the_morning(city: City) -> None:
    real = factories.submit(city.site, factories.make_alert(status=Status.ACTUAL))
    factories.approve(city.site, real)
    with pytest.raises(MoveRefused, match="real alert"):
        trial_call.begin(city.site, 1, CLERK)
    city.clock.advance(timedelta(hours=12))
    with pytest.raises(MoveRefused, match="night"):
        trial_call.begin(city.site, 1, CLERK)


def test_who_may_only_look_calls_nobody(city: City) -> None:
    for roles in (frozenset({Role.VIEW}), frozenset({Role.TRAINEE}), frozenset({Role.AUDITOR})):
        with pytest.raises(MoveRefused, match="role"):
            trial_call.begin(city.site, 1, Person(4, "見る", roles))
    with reading(city.site.engine) as session:
        assert session.scalars(select(AlertRow.id)).all() == []


def test_nobody_without_a_number_is_called(city: City) -> None:
    with pytest.raises(NotFound):
        trial_call.begin(city.site, 99, CLERK)
    with writing(city.site.engine) as session:
        session.get_one(ContactRow, 2).active = False
    with pytest.raises(WrongAudience, match="no telephone number"):
        trial_call.begin(city.site, 2, CLERK)


def test_one_recipient_is_no_way_around_the_second_person(city: City) -> None:
    alert = factories.make_alert(status=Status.EXERCISE)
    dispatch = factories.submit(city.site, alert, audience=Audience(recipient=1))
    with pytest.raises(MoveRefused, match="only a trial call"):
        issue.let_go(city.site, dispatch, WRITER, Move.TRY, seen=factories.content_hash(city.site, dispatch))
    with pytest.raises(WrongAudience):
        Audience(recipient=1, everybody=True)
    assert Audience.from_json(Audience(recipient=1).as_json()).recipient == 1
