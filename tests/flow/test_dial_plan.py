"""The dial plan: when a call is tried again, who is told first, and what stops old attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from alertd import plan, receive
from alertd.alert import MsgType, Severity
from alertd.audience import Audience
from alertd.channel import Outcome, Reason, Receipt
from alertd.db import reading, writing
from alertd.quiet import quiet_until
from alertd.store import receipts
from alertd.tables import DeliveryRow, MembershipRow
from tests import factories
from tests.flow.conftest import City, MakeCity

NIGHT = (time(21), time(7))
#: 23:00 in Japan
LATE = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def begin(
    city: City, addresses: Sequence[str], severity: Severity, identifier: str = "one", **told: Any
) -> int:
    """An approved and planned alert of this severity to new people at these addresses."""
    factories.add_people(city.site, list(addresses))
    sent = city.clock.now()
    return again(city, factories.make_alert(identifier=identifier, severity=severity, sent=sent, **told))


def again(city: City, alert) -> int:
    dispatch = factories.submit(city.site, alert)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def say(city: City, delivery: int, outcome: Outcome, reason: Reason | None = None) -> DeliveryRow:
    """What a far end says of the latest attempt; the delivery as it stands then."""
    with writing(city.site.engine) as session:
        attempt = session.get_one(DeliveryRow, delivery).attempt
        said = Receipt(key="", outcome=outcome, reason=reason)
        receive.record(session, city.site, delivery, attempt, said, city.clock.now())
        return session.get_one(DeliveryRow, delivery)


@pytest.fixture
def calling(make_city: MakeCity) -> City:
    """A channel with the dial plan of a telephone."""
    return make_city(
        attempts=3,
        retry_after=(180.0, 300.0),
        retry_after_extreme=(60.0, 120.0),
        retry_after_reason={Reason.BUSY: 60.0, Reason.RATE_LIMITED: 10.0},
        retry_when_severe=(Reason.MACHINE,),
        report_within=300.0,
    )


def pauses(city: City, severity: Severity) -> list[float]:
    """The seconds from each unanswered call to the next one."""
    begin(city, ["a@example.jp"], severity)
    found = []
    for _ in range(3):
        city.drain()
        due = say(city, 1, Outcome.DEFERRED, Reason.NO_ANSWER).due_at
        if due is None:
            break
        found.append((due - city.clock.now()).total_seconds())
        city.clock.advance(due - city.clock.now())
    return found


def test_a_call_that_nobody_answers_is_made_three_times(calling: City) -> None:
    assert pauses(calling, Severity.SEVERE) == [180, 300]
    assert calling.mail(1).outcomes["failed"] == 1


def test_at_the_highest_level_the_calls_come_faster(calling: City) -> None:
    assert pauses(calling, Severity.EXTREME) == [60, 120]


def test_a_far_end_that_was_too_busy_to_try_costs_no_attempt(calling: City) -> None:
    begin(calling, ["a@example.jp"], Severity.SEVERE)
    for _ in range(4):
        calling.drain()
        row = say(calling, 1, Outcome.DEFERRED, Reason.RATE_LIMITED)
        assert row.due_at is not None
        calling.clock.advance(timedelta(seconds=10))
    calling.drain()
    row = say(calling, 1, Outcome.DEFERRED, Reason.NO_ANSWER)
    assert row.due_at == calling.clock.now() + timedelta(seconds=180), "this was the first attempt"
    assert (row.attempt, row.spared) == (5, 4)


@pytest.mark.parametrize(
    ("severity", "outcome"), [(Severity.SEVERE, Outcome.DEFERRED), (Severity.MODERATE, Outcome.FAILED)]
)
def test_an_answering_machine_is_called_again_in_danger_only(
    calling: City, severity: Severity, outcome: Outcome
) -> None:
    begin(calling, ["a@example.jp"], severity)
    calling.drain()
    row = say(calling, 1, Outcome.DEFERRED, Reason.MACHINE)
    assert (row.outcome, row.reason) == (outcome, Reason.MACHINE)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (LATE, MORNING),
        (datetime(2026, 11, 23, 21, 59, tzinfo=UTC), MORNING),
        (datetime(2026, 11, 23, 12, 0, tzinfo=UTC), MORNING),
        (datetime(2026, 11, 23, 11, 59, tzinfo=UTC), None),
        (MORNING, None),
    ],
)
def test_the_night_is_from_its_first_minute_to_before_its_last(now: datetime, until: datetime | None) -> None:
    assert quiet_until(NIGHT, now) == until
    assert quiet_until((), now) is None


def test_what_is_not_urgent_waits_for_the_morning_and_says_so(make_city: MakeCity) -> None:
    city = make_city(quiet_hours=NIGHT)
    city.clock.advance(LATE - city.clock.now())
    dispatch = begin(city, ["a@example.jp"], Severity.MINOR, life=timedelta(hours=12))
    city.drain()
    assert city.heard() == []
    tally = city.mail(dispatch)
    assert (tally.outcomes["deferred"], tally.reasons, tally.open) == (1, {"quiet_hours": 1}, 1)
    city.clock.advance(MORNING - city.clock.now())
    city.drain()
    assert [heard.address for heard in city.heard()] == ["a@example.jp"]
    assert city.mail(dispatch).outcomes["accepted"] == 1


def test_danger_does_not_wait_for_the_morning(make_city: MakeCity) -> None:
    city = make_city(quiet_hours=NIGHT)
    city.clock.advance(LATE - city.clock.now())
    begin(city, ["a@example.jp"], Severity.MODERATE)
    city.drain()
    assert [heard.address for heard in city.heard()] == ["a@example.jp"]


def test_what_ends_before_the_morning_expires_and_is_never_sent_late(make_city: MakeCity) -> None:
    city = make_city(quiet_hours=NIGHT)
    city.clock.advance(LATE - city.clock.now())
    dispatch = begin(city, ["a@example.jp"], Severity.MINOR)
    city.drain()
    city.clock.advance(timedelta(hours=6))
    city.tick()
    assert city.mail(dispatch).outcomes["expired"] == 1
    city.clock.advance(MORNING - city.clock.now())
    city.drain()
    assert city.heard() == []


def test_who_passes_it_on_is_told_first_then_who_needs_support_then_who_lives_in_danger(
    make_city: MakeCity,
) -> None:
    city = make_city(first_groups=("自治会長",), danger_groups=("土砂区域", "浸水区域"))
    factories.add_people(city.site, ["plain@example.jp"])
    [flooded] = factories.add_people(city.site, ["flooded@example.jp"])
    [slope] = factories.add_people(city.site, ["slope@example.jp"])
    factories.add_people(city.site, ["support@example.jp"], needs_support=True)
    [head] = factories.add_people(city.site, ["head@example.jp"])
    groups = {head: ("自治会長",), slope: ("浸水区域", "土砂区域"), flooded: ("浸水区域",)}
    with writing(city.site.engine) as session:
        for number, names in groups.items():
            session.add_all(MembershipRow(recipient_id=number, group_name=name) for name in names)
    again(city, factories.make_alert())
    city.drain()
    assert [heard.address.partition("@")[0] for heard in city.heard()] == [
        "head",
        "support",
        "slope",
        "flooded",
        "plain",
    ]


def test_a_newer_alert_stops_the_old_attempts_where_it_calls(make_city: MakeCity) -> None:
    city = make_city(attempts=5, retry_after=(60.0,))
    older = factories.make_alert(identifier="older")
    factories.add_people(city.site, ["busy@example.jp"])
    factories.add_people(city.site, ["busy@elsewhere.example.jp"], area="RHK")
    first = factories.submit(city.site, older, audience=Audience(areas=("RNN", "RHK")))
    city.send(first)
    update = replace(
        factories.make_alert(identifier="newer"), msg_type=MsgType.UPDATE, references=(older.reference,)
    )
    second = again(city, update)
    outcomes = city.mail(first).outcomes
    assert (outcomes["cancelled"], outcomes["deferred"]) == (1, 1), "the update does not go elsewhere"
    with reading(city.site.engine) as session:
        assert receipts(session, 1)[-1].detail == plan.SUPERSEDED
    assert city.mail(second).open == 1


def test_an_old_call_that_was_under_way_is_not_tried_again(calling: City) -> None:
    older = factories.make_alert(identifier="older")
    factories.add_people(calling.site, ["a@example.jp"])
    first = again(calling, older)
    calling.drain()
    again(
        calling,
        replace(
            factories.make_alert(identifier="newer"), msg_type=MsgType.UPDATE, references=(older.reference,)
        ),
    )
    say(calling, 1, Outcome.DEFERRED, Reason.BUSY)
    calling.clock.advance(timedelta(seconds=61))
    calling.drain()
    assert [heard.key for heard in calling.heard()].count(calling.heard()[0].key) == 1
    assert calling.mail(first).outcomes["cancelled"] == 1
