"""The walk of one alert: submitted, approved, planned, handed over, counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from alertd import audit, issue, plan, receive, store
from alertd.alert import MsgType, Severity, Status
from alertd.audience import Audience
from alertd.channel import Message, Outcome, Reason, Receipt, Target
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.errors import MoveRefused, WrongAlert, WrongAudience
from alertd.tables import ArtefactRow, AuditRow, ContactRow, DeliveryRow, DispatchRow
from alertd.testing import FakeChannel
from alertd.testing.fake import FakeSettings
from tests import factories
from tests.factories import APPROVER, BOTH, TRAINEE
from tests.flow.conftest import City, MakeCity


def people(number: int, prefix: str = "p") -> list[str]:
    return [f"{prefix}{n}@example.jp" for n in range(number)]


def test_an_approved_alert_reaches_everybody_once_and_the_tally_adds_up(city: City) -> None:
    factories.add_people(city.site, people(60))
    dispatch = factories.submit(city.site)
    tally = city.send(dispatch).channels["mail"]
    assert tally.planned == tally.outcomes["accepted"] == 60
    assert sum(tally.outcomes.values()) == 60
    assert sorted(heard.address for heard in city.heard()) == sorted(people(60))


def test_nothing_leaves_before_the_approval(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site)
    plan.plan(city.site, dispatch)
    city.tick()
    assert city.drain() == 0
    assert city.heard() == []


def test_a_dispatch_is_finished_when_nothing_is_due(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    city.tick()
    assert city.report(dispatch).state is State.SENDING
    city.drain()
    city.tick()
    assert city.report(dispatch).state is State.FINISHED
    assert city.report(dispatch).first_at is not None


def test_planning_twice_is_harmless(city: City) -> None:
    factories.add_people(city.site, people(5))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    assert plan.plan(city.site, dispatch) == 5
    assert plan.plan(city.site, dispatch) == 0
    assert city.mail(dispatch).planned == 5


def test_the_author_cannot_approve_a_real_alert(make_city: MakeCity) -> None:
    city = make_city(exercise=1)
    factories.add_people(city.site, people(1))
    alert = factories.make_alert(status=Status.ACTUAL)
    dispatch = factories.submit(city.site, alert, person=BOTH)
    with pytest.raises(MoveRefused, match="another person"):
        factories.approve(city.site, dispatch, BOTH)
    factories.approve(city.site, dispatch, APPROVER)


def test_one_person_may_send_a_drill_where_the_configuration_says_so(make_city: MakeCity) -> None:
    city = make_city(exercise=1)
    factories.add_people(city.site, people(1))
    dispatch = factories.submit(city.site, person=BOTH)
    factories.approve(city.site, dispatch, BOTH)
    assert city.report(dispatch).state is State.APPROVED


def test_one_person_may_not_send_a_drill_by_default(city: City) -> None:
    factories.add_people(city.site, people(1))
    dispatch = factories.submit(city.site, person=BOTH)
    with pytest.raises(MoveRefused, match="another person"):
        factories.approve(city.site, dispatch, BOTH)


def test_a_trainee_cannot_submit_a_real_alert(city: City) -> None:
    factories.add_people(city.site, people(1))
    with pytest.raises(MoveRefused, match="trainee"):
        factories.submit(city.site, factories.make_alert(status=Status.ACTUAL), person=TRAINEE)


def test_an_approval_of_something_else_than_was_shown_is_refused(city: City) -> None:
    factories.add_people(city.site, people(1))
    dispatch = factories.submit(city.site)
    with pytest.raises(MoveRefused, match="read it anew"):
        issue.approve(city.site, dispatch, APPROVER, seen="0" * 64)


def test_an_alert_that_was_changed_after_approval_is_not_sent(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    with writing(city.site.engine) as session:
        session.execute(update(ArtefactRow).values(text="【訓練】これは訓練です。別の文 ※これは訓練です。"))
    plan.plan(city.site, dispatch)
    city.drain()
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["failed"] == 3
    with reading(city.site.engine) as session:
        assert [alarm.name for alarm in store.alarms(session)] == ["refused:mail"]


def test_an_audience_that_is_empty_is_refused(city: City) -> None:
    factories.add_people(city.site, people(3))
    with pytest.raises(WrongAudience, match="nobody"):
        factories.submit(city.site, audience=Audience(areas=("RHK",)))
    with pytest.raises(WrongAudience, match="nobody"):
        Audience()


def test_an_audience_that_was_changed_after_approval_stops_the_dispatch(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site, factories.make_alert())
    factories.approve(city.site, dispatch)
    with writing(city.site.engine) as session:
        row = session.get_one(DispatchRow, dispatch)
        row.audience = {**row.audience, "areas": ["RHK"]}
    assert plan.plan(city.site, dispatch) == 0
    assert city.report(dispatch).state is State.CANCELLED
    with reading(city.site.engine) as session:
        (alarm,) = store.alarms(session)
    assert alarm.name == f"refused:{dispatch}"
    assert "not the one that was approved" in alarm.message


def test_an_audience_that_doubled_since_approval_stops_the_dispatch(city: City) -> None:
    factories.add_people(city.site, people(100))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    factories.add_people(city.site, people(500, "late"))
    assert plan.plan(city.site, dispatch) == 0
    assert city.report(dispatch).state is State.CANCELLED
    with reading(city.site.engine) as session:
        assert store.alarms(session)[0].name == f"dispatch:{dispatch}"


def test_the_same_alert_is_not_submitted_twice(city: City) -> None:
    factories.add_people(city.site, people(1))
    factories.submit(city.site)
    with pytest.raises(WrongAlert, match="submitted before"):
        factories.submit(city.site)


def test_one_household_gets_one_message(city: City) -> None:
    factories.add_people(city.site, ["same@example.jp", "same@example.jp", "other@example.jp"])
    dispatch = factories.submit(city.site)
    assert city.send(dispatch).planned == 2


def test_people_who_need_support_are_told_first(city: City) -> None:
    factories.add_people(city.site, people(30))
    factories.add_people(city.site, people(5, "support"), needs_support=True)
    city.send(factories.submit(city.site))
    assert {heard.address for heard in city.heard()[:5]} == set(people(5, "support"))


def test_an_extreme_alert_overtakes_a_notice_that_is_still_going_out(make_city: MakeCity) -> None:
    city = make_city(per_second=4.0)
    factories.add_people(city.site, people(20))
    notice = factories.submit(city.site, factories.make_alert(identifier="notice", severity=Severity.MINOR))
    factories.approve(city.site, notice)
    plan.plan(city.site, notice)
    factories.add_people(city.site, people(2, "north"), area="RHK")
    grave = factories.submit(
        city.site,
        factories.make_alert(identifier="grave", severity=Severity.EXTREME),
        audience=Audience(areas=("RHK",)),
    )
    factories.approve(city.site, grave)
    plan.plan(city.site, grave)
    with writing(city.site.engine) as session:
        now = city.clock.now()
        claimed = store.claim(session, "mail", "me", handed=False, limit=3, now=now, until=now)
    assert [one.dispatch_id for one in claimed] == [grave, grave, notice]


def test_a_claim_takes_no_more_than_its_limit_whatever_the_plan(city: City) -> None:
    factories.add_people(city.site, people(20))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    with writing(city.site.engine) as session:
        if city.site.engine.dialect.name == "postgresql":
            for way in ("enable_hashagg", "enable_hashjoin", "enable_sort", "enable_material"):
                session.execute(text(f"SET LOCAL {way} = off"))
        now = city.clock.now()
        assert len(store.claim(session, "mail", "me", handed=False, limit=3, now=now, until=now)) == 3


def test_a_busy_target_is_tried_again_later_and_then_has_failed(make_city: MakeCity) -> None:
    city = make_city(attempts=2, retry_after=(60.0,))
    factories.add_people(city.site, ["busy@example.jp", "once-busy@example.jp", "fine@example.jp"])
    dispatch = factories.submit(city.site)
    tally = city.send(dispatch).channels["mail"]
    assert (tally.outcomes["deferred"], tally.outcomes["accepted"]) == (2, 1)
    assert city.drain() == 0, "not before its time"
    city.clock.advance(timedelta(seconds=61))
    city.drain()
    tally = city.mail(dispatch)
    assert (tally.outcomes["failed"], tally.outcomes["accepted"], tally.open) == (1, 2, 0)
    assert tally.reasons == {"busy": 1}


def test_a_retry_waits_behind_first_attempts(make_city: MakeCity) -> None:
    city = make_city(attempts=3, retry_after=(1.0,))
    factories.add_people(city.site, ["busy@example.jp"])
    first = factories.submit(city.site, factories.make_alert(identifier="one"))
    city.send(first)
    city.clock.advance(timedelta(seconds=5))
    factories.add_people(city.site, ["new@example.jp"], area="RHK")
    second = factories.submit(
        city.site, factories.make_alert(identifier="two"), audience=Audience(areas=("RHK",))
    )
    factories.approve(city.site, second)
    plan.plan(city.site, second)
    with writing(city.site.engine) as session:
        now = city.clock.now()
        claimed = store.claim(session, "mail", "me", handed=False, limit=1, now=now, until=now)
    assert [one.dispatch_id for one in claimed] == [second]


def test_after_a_failure_the_next_contact_is_tried(city: City) -> None:
    [number] = factories.add_people(city.site, ["refused@example.jp"])
    with writing(city.site.engine) as session:
        session.add(
            ContactRow(
                recipient_id=number, kind="fake", address="family@example.jp", preference=2, active=True
            )
        )
    dispatch = factories.submit(city.site)
    tally = city.send(dispatch).channels["mail"]
    assert (tally.planned, tally.outcomes["failed"], tally.outcomes["accepted"]) == (2, 1, 1)
    assert [heard.address for heard in city.heard()] == ["family@example.jp"]


def test_a_far_end_that_is_down_fails_nobody_and_recovers(city: City) -> None:
    factories.add_people(city.site, people(30))
    city.far_end.go_down()
    dispatch = factories.submit(city.site)
    tally = city.send(dispatch).channels["mail"]
    assert tally.outcomes["pending"] == 30
    with reading(city.site.engine) as session:
        assert [alarm.name for alarm in store.alarms(session)] == ["channel:mail"]
    for _ in range(12):
        city.clock.advance(timedelta(seconds=31))
        city.drain()
    city.far_end.come_up()
    city.clock.advance(timedelta(seconds=31))
    city.drain()
    assert city.mail(dispatch).outcomes["accepted"] == 30
    with reading(city.site.engine) as session:
        assert list(store.alarms(session)) == []


def test_who_has_left_the_list_since_planning_gets_nothing(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    with writing(city.site.engine) as session:
        session.execute(
            update(ContactRow).where(ContactRow.address_key == "p1@example.jp").values(active=False)
        )
    city.drain()
    assert [heard.address for heard in city.heard()] == ["p0@example.jp", "p2@example.jp"]
    assert city.mail(dispatch).outcomes["cancelled"] == 1


def test_what_has_expired_is_never_sent_late(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site, factories.make_alert(life=timedelta(minutes=10)))
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    city.clock.advance(timedelta(minutes=11))
    city.tick()
    city.drain()
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["expired"] == 3
    assert city.report(dispatch).state is State.FINISHED


def test_what_has_expired_is_not_sent_where_no_relay_has_looked_yet(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site, factories.make_alert(life=timedelta(minutes=10)))
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    city.clock.advance(timedelta(minutes=11))
    city.drain()
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["expired"] == 3


def test_an_alert_that_expired_while_it_waited_cannot_be_approved(city: City) -> None:
    factories.add_people(city.site, people(3))
    dispatch = factories.submit(city.site, factories.make_alert(life=timedelta(minutes=10)))
    city.clock.advance(timedelta(minutes=11))
    with pytest.raises(MoveRefused, match="expired"):
        factories.approve(city.site, dispatch)


def test_a_channel_that_does_not_carry_the_status_refuses_it_by_name(make_city: MakeCity) -> None:
    city = make_city(carries=(Status.EXERCISE, Status.TEST))
    factories.add_people(city.site, people(3))
    with pytest.raises(WrongAlert, match="does not carry Actual"):
        factories.submit(city.site, factories.make_alert(status=Status.ACTUAL))


def test_a_drill_is_marked_and_a_real_alert_is_not(city: City) -> None:
    factories.add_people(city.site, people(1))
    city.send(factories.submit(city.site, factories.make_alert(identifier="drill")))
    city.send(factories.submit(city.site, factories.make_alert(identifier="real", status=Status.ACTUAL)))
    drill, real = (heard.text or "" for heard in city.heard())
    assert drill.startswith("【訓練】") and drill.rstrip().endswith("訓練です。")
    assert "訓練" not in real


def test_cancelling_stops_what_is_left_and_corrects_exactly_those_reached(make_city: MakeCity) -> None:
    city = make_city(attempts=3, retry_after=(600.0,))
    factories.add_people(city.site, [*people(10), "busy@example.jp"])
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    factories.add_people(city.site, people(3, "later"))
    correction = issue.cancel(city.site, dispatch, APPROVER, reason="誤った地区", correct=True)
    assert correction is not None
    city.tick()
    city.drain()
    corrected = [heard for heard in city.heard() if heard.kind is MsgType.CANCEL]
    assert sorted(heard.address for heard in corrected) == people(10)
    assert "取消" in (corrected[0].text or "")
    assert city.mail(dispatch).outcomes["cancelled"] == 1
    assert city.report(dispatch).corrected_by == correction


def test_a_stop_before_the_hand_over_leaves_nothing_to_correct(city: City) -> None:
    factories.add_people(city.site, people(10))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    correction = issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=True)
    assert correction is not None
    city.tick()
    city.drain()
    city.tick()
    assert city.heard() == []
    assert city.report(correction).state is State.FINISHED
    assert city.mail(dispatch).outcomes["cancelled"] == 10


def test_a_correction_never_overtakes_an_alert_that_is_being_handed_over(city: City) -> None:
    factories.add_people(city.site, people(1))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        until = now + timedelta(seconds=8)
        [claimed] = store.claim(session, "mail", "slow", handed=False, limit=9, now=now, until=until)
        store.mark_handed(session, "slow", [claimed.id], now)
    issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=True)
    city.tick()
    assert city.drain() == 0, "the alert is still in somebody's hands"


def test_a_stopped_dispatch_tries_nothing_again(make_city: MakeCity) -> None:
    city = make_city(attempts=5, retry_after=(1.0,))
    factories.add_people(city.site, ["busy@example.jp"])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        until = now + timedelta(seconds=8)
        [claimed] = store.claim(session, "mail", "slow", handed=False, limit=9, now=now, until=until)
        store.mark_handed(session, "slow", [claimed.id], now)
    issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=False)
    with writing(city.site.engine) as session:
        said = Receipt(key="", outcome=Outcome.DEFERRED, reason=Reason.BUSY)
        receive.record(session, city.site, claimed.id, 1, said, now)
    tally = city.mail(dispatch)
    assert (tally.outcomes["cancelled"], tally.open) == (1, 0)


def test_every_step_leaves_a_row_in_an_unbroken_audit_trail(city: City) -> None:
    factories.add_people(city.site, people(2))
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=True)
    with reading(city.site.engine) as session:
        assert audit.verify(session) is None
    with writing(city.site.engine) as session:
        factories.as_its_owner(session)
        session.execute(update(AuditRow).where(AuditRow.id == 2).values(actor="somebody else"))
        assert audit.verify(session) == 2


def test_a_delivery_is_final_only_with_a_receipt(city: City) -> None:
    factories.add_people(city.site, people(4))
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    with reading(city.site.engine) as session:
        for row in session.scalars(select(DeliveryRow)):
            assert row.due_at is None
            assert [word.outcome for word in store.receipts(session, row.id)] == [Outcome.ACCEPTED]


class PickyChannel(FakeChannel):
    """Refuses the words as a whole, as a mail channel does with a header that is not safe."""

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        raise WrongAlert("the headline holds a control character")
        yield


def test_words_that_a_channel_refuses_have_failed_and_are_not_tried_again(city: City) -> None:
    site = city.site
    settings = site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    site._channels["mail"] = PickyChannel("mail", settings)
    factories.add_people(site, people(3))
    dispatch = factories.submit(site)
    tally = city.send(dispatch).channels["mail"]
    assert (tally.outcomes["failed"], tally.reasons, tally.open) == (3, {"refused": 3}, 0)


def test_a_correction_that_was_not_sent_can_still_be_sent(city: City) -> None:
    factories.add_people(city.site, people(2))
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    assert issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=False) is None
    correction = issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=True)
    assert correction is not None
    with pytest.raises(MoveRefused):
        issue.cancel(city.site, dispatch, APPROVER, reason="まちがい", correct=True)
    city.tick()
    city.drain()
    assert [heard.kind for heard in city.heard()].count(MsgType.CANCEL) == 2
