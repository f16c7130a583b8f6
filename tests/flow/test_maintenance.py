"""The maintenance mode: contractors touch far ends, and we do not; it ends by itself, or by two people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from alertd import audit, canary, hook, link_test, maintenance, plan, postman, store
from alertd.alert import Status
from alertd.config import Feeds, Inbox
from alertd.db import reading, writing
from alertd.dispatch import Person, Role, State
from alertd.doctor import Grade, examine
from alertd.drill.hindrance import hindrance
from alertd.errors import ChannelUnavailable, MoveRefused
from alertd.freeze import Scope, frozen, lift, set_freeze
from alertd.letter import LetterKind
from alertd.readiness import readiness, ready
from alertd.store import crowds
from alertd.subscribe import new_letter
from alertd.subscription import How
from alertd.tables import AuditRow
from tests import factories
from tests.factories import APPROVER, BOTH, WRITER
from tests.flow.conftest import City
from tests.flow.test_freeze import LEASE, going_out

ADMIN = Person(BOTH.id, BOTH.name, frozenset({Role.ADMINISTER}))
WHY = "受信機の交換"


def begin(city: City, hours: float = 2.0) -> bool:
    return maintenance.begin(city.site, ADMIN, reason=WHY, hours=hours)


def told(city: City) -> list[tuple[str, str]]:
    with reading(city.site.engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action.startswith("maintenance.")))
        return [(row.action, row.actor) for row in rows]


def test_nothing_reaches_a_far_end_whatever_it_is_and_whoever_asks(city: City) -> None:
    real = going_out(city, 20)
    drill = going_out(city, 0, Status.EXERCISE, name="second")
    now = city.clock.now()
    with writing(city.site.engine) as session:
        claimed = store.claim(session, "mail", "me", handed=False, limit=5, now=now, until=now + LEASE)
        session.add(new_letter(LetterKind.CANARY, "canary@example.jp", "ja", How.STAFF, now))
    assert begin(city)
    with writing(city.site.engine) as session:
        assert not store.mark_handed(session, "me", [one.id for one in claimed], now)
        assert crowds.claim_and_mark(session, "mail", "you", limit=5, now=now, until=now + LEASE) == []
        assert not store.waiting(session, "mail", now)
        assert "maintained" in (hindrance(session, now) or "")
    city.tick()
    assert city.drain() == 0
    assert postman.post(city.site) == 0
    assert city.heard() == []
    assert city.mail(real).outcomes["pending"] == city.mail(drill).outcomes["pending"] == 20


def test_link_tests_probes_and_webhooks_leave_far_ends_alone_too(city: City) -> None:
    site = city.site
    assert link_test.due(site, city.clock.now()) == ["mail"]
    begin(city)
    assert link_test.due(site, city.clock.now()) == []
    with pytest.raises(ChannelUnavailable, match="maintenance"):
        maintenance.admit(site)
    site.config = replace(site.config, feeds=Feeds(hooks=("http://127.0.0.1:9/",)))
    assert hook.tell(site) == 0
    signs = {sign.what: sign for sign in examine(site)}
    assert signs["freeze"].grade is Grade.ILL and "maintenance since" in signs["freeze"].finding


def test_it_ends_by_itself_at_its_time_even_when_nobody_puts_it_away(city: City) -> None:
    dispatch = going_out(city, 3)
    begin(city, hours=0.5)
    city.clock.advance(timedelta(minutes=30) - timedelta(seconds=1))
    assert city.drain() == 0 and not ready(readiness(city.site))
    city.clock.advance(timedelta(seconds=1))
    assert city.drain() == 3
    assert city.mail(dispatch).outcomes["accepted"] == 3
    assert all(look.well for look in readiness(city.site) if look.what == "freeze")
    assert [maintenance.end_due(city.site) for _ in range(2)] == [True, False]
    assert told(city)[-1] == ("maintenance.over", audit.ENGINE)
    with reading(city.site.engine) as session:
        assert not store.alarms(session)


def test_two_people_end_it_earlier_and_what_is_approved_meanwhile_goes_out(city: City) -> None:
    begin(city)
    factories.add_people(city.site, ["a@example.jp"])
    dispatch = factories.submit(city.site, factories.make_alert(sent=city.clock.now()))
    factories.approve(city.site, dispatch)
    city.tick()
    assert city.report(dispatch).state is State.APPROVED and city.drain() == 0
    assert not lift(city.site, Scope.MAINTENANCE, APPROVER)
    assert not lift(city.site, Scope.MAINTENANCE, APPROVER), "the same person twice counts once"
    assert lift(city.site, Scope.MAINTENANCE, BOTH)
    plan.plan(city.site, dispatch)
    assert city.drain() == 1
    assert [action for action, _ in told(city)][-1] == "maintenance.lifted"


def test_what_was_approved_long_before_its_end_asks_for_approval_anew_and_says_so(city: City) -> None:
    begin(city, hours=1.0)
    factories.add_people(city.site, ["a@example.jp"])
    dispatch = factories.submit(city.site, factories.make_alert(sent=city.clock.now()))
    factories.approve(city.site, dispatch)
    city.clock.advance(timedelta(hours=1))
    city.tick()
    assert city.report(dispatch).state is State.SUBMITTED and city.drain() == 0
    with reading(city.site.engine) as session:
        assert f"lapsed:{dispatch}" in [row.name for row in store.alarms(session)]


def test_a_freeze_of_everything_holds_on_when_maintenance_ends(city: City) -> None:
    going_out(city, 3)
    begin(city, hours=0.5)
    set_freeze(city.site, Scope.EVERYTHING, WRITER, reason="誤配信の疑い")
    city.clock.advance(timedelta(hours=1))
    assert city.drain() == 0


def test_a_new_end_counts_from_now_and_voids_a_word_for_ending_it(city: City) -> None:
    begin(city, hours=1.0)
    lift(city.site, Scope.MAINTENANCE, APPROVER)
    city.clock.advance(timedelta(minutes=10))
    assert not begin(city, hours=2.0)
    with reading(city.site.engine) as session:
        (held,) = frozen(session, city.clock.now())
    assert held.until == city.clock.now() + timedelta(hours=2) and held.lifted_by is None
    city.clock.advance(timedelta(hours=2))
    assert begin(city), "what is over is begun anew"


@pytest.mark.parametrize("hours", [0.0, -1.0, 8.1, float("nan"), float("inf")])
def test_it_never_lasts_longer_than_a_working_day(city: City, hours: float) -> None:
    with pytest.raises(MoveRefused, match="at most 8 hours"):
        begin(city, hours)


def test_only_an_administrator_begins_it_with_a_reason_and_an_end(city: City) -> None:
    for person in (WRITER, APPROVER):
        with pytest.raises(MoveRefused, match="administer"):
            maintenance.begin(city.site, person, reason=WHY)
    with pytest.raises(MoveRefused, match="write why"):
        maintenance.begin(city.site, ADMIN, reason=" ")
    with pytest.raises(MoveRefused, match="ends by itself"):
        set_freeze(city.site, Scope.MAINTENANCE, ADMIN, reason=WHY)
    with pytest.raises(MoveRefused, match="role"):
        lift(city.site, Scope.MAINTENANCE, ADMIN)


def test_a_canary_that_was_not_sent_is_not_missed(city: City) -> None:
    site = city.site
    site.config = replace(site.config, inbox=Inbox(canaries=("canary@example.jp",), canary_every=30.0))
    canary.send(site)
    begin(city, hours=4.0)
    city.clock.advance(timedelta(hours=4))
    canary.send(site)
    with reading(site.engine) as session:
        assert canary.SILENT not in [row.name for row in store.alarms(session)]
    for _ in range(3):
        city.clock.advance(timedelta(minutes=30))
        canary.send(site)
    with reading(site.engine) as session:
        assert canary.SILENT in [row.name for row in store.alarms(session)]
