"""Senders that die, stall or come back: nothing is lost, doubles are few and known."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from alertd import messages, plan, receive, store
from alertd.alert import Status
from alertd.channel import InDoubt, Medium, Message, Outcome, Reason, Receipt, Target, Traits
from alertd.db import reading, writing
from alertd.delivery import Next, Word
from alertd.dispatch import State
from alertd.relay import NOBODY_LOOKS, Relay
from alertd.store import Claimed
from alertd.tables import ChannelStateRow
from alertd.testing import FakeChannel
from alertd.testing.fake import FakeSettings
from tests import factories
from tests.flow.conftest import City, MakeCity

LEASE = timedelta(seconds=8)


def begin(city: City, number: int = 1, status: Status = Status.EXERCISE) -> int:
    """An approved and planned dispatch to so many people."""
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(number)])
    dispatch = factories.submit(city.site, factories.make_alert(status=status))
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def take(city: City, owner: str, *, hand: bool) -> list[Claimed]:
    """What a sender does before it dies: claim, and perhaps mark the hand-over."""
    now = city.clock.now()
    with writing(city.site.engine) as session:
        claimed = store.claim(session, "mail", owner, handed=False, limit=100, now=now, until=now + LEASE)
        if hand:
            store.mark_handed(session, owner, [one.id for one in claimed], now)
    return claimed


def test_a_claim_of_a_dead_sender_lapses_and_the_next_one_sends(city: City) -> None:
    dispatch = begin(city, 3)
    take(city, "dead", hand=False)
    assert city.drain() == 0, "the lease still runs"
    city.clock.advance(LEASE)
    city.drain()
    assert city.mail(dispatch).outcomes["accepted"] == 3
    assert len(city.heard()) == 3


def test_in_doubt_mail_goes_out_once_more_under_the_same_key(city: City) -> None:
    dispatch = begin(city, 2)
    take(city, "dead", hand=True)
    city.clock.advance(LEASE)
    city.drain()
    assert city.mail(dispatch).outcomes["accepted"] == 2
    with reading(city.site.engine) as session:
        said = store.receipts(session, 1)
    assert [word.outcome for word in said] == [Outcome.UNKNOWN, Outcome.ACCEPTED]
    assert [word.attempt for word in said] == [1, 2]
    assert said[0].reason is Reason.IN_DOUBT


@pytest.mark.parametrize(("status", "sent"), [(Status.ACTUAL, 1), (Status.EXERCISE, 0)])
def test_a_channel_may_resend_real_alerts_only(make_city: MakeCity, status: Status, sent: int) -> None:
    city = make_city(in_doubt=InDoubt.RESEND_ACTUAL)
    dispatch = begin(city, 1, status)
    take(city, "dead", hand=True)
    city.clock.advance(LEASE)
    city.drain()
    assert len(city.heard()) == sent
    assert city.mail(dispatch).outcomes["unknown"] == 1 - sent


def test_a_transmitter_that_cannot_be_asked_waits_for_a_person(make_city: MakeCity) -> None:
    city = make_city(in_doubt=InDoubt.HOLD, exclusive=True, batch_size=1, medium=Medium.OUTDOOR)
    dispatch = begin(city, 1)
    take(city, "dead", hand=True)
    city.clock.advance(LEASE)
    city.drain()
    city.tick()
    assert city.heard() == []
    assert city.mail(dispatch).outcomes["unknown"] == 1
    assert city.report(dispatch).state is State.FINISHED


def test_a_far_end_that_can_be_asked_is_asked_and_never_called_twice(make_city: MakeCity) -> None:
    city = make_city(in_doubt=InDoubt.ASK, batch_size=1)
    dispatch = begin(city, 1)
    [claimed] = take(city, "dead", hand=True)
    # the call was made, and then the sender died
    with reading(city.site.engine) as session:
        message = _message(city, session, dispatch)
    target = _target(city, claimed, attempt=1)
    list(city.site.channel("mail").send(message, [target]))
    city.clock.advance(LEASE)
    city.drain()
    assert len(city.heard()) == 1
    assert city.mail(dispatch).outcomes["delivered"] == 1


def test_a_call_that_surely_never_was_is_made_after_all(make_city: MakeCity) -> None:
    city = make_city(in_doubt=InDoubt.ASK, batch_size=1)
    dispatch = begin(city, 1)
    take(city, "dead", hand=True)
    city.clock.advance(LEASE)
    city.drain()
    city.drain()
    assert len(city.heard()) == 1
    assert city.mail(dispatch).outcomes["accepted"] == 1


def test_a_sender_that_comes_back_after_its_lease_marks_nothing(city: City) -> None:
    begin(city, 2)
    claimed = take(city, "stalled", hand=False)
    city.clock.advance(LEASE)
    city.drain()
    with writing(city.site.engine) as session:
        marked = store.mark_handed(session, "stalled", [one.id for one in claimed], city.clock.now())
    assert marked == frozenset()
    assert len(city.heard()) == 2


def test_a_receipt_of_a_sender_that_comes_back_changes_no_later_attempt(city: City) -> None:
    dispatch = begin(city, 1)
    [claimed] = take(city, "stalled", hand=True)
    city.clock.advance(LEASE)
    city.drain()
    with writing(city.site.engine) as session:
        stale = Receipt(key="", outcome=Outcome.FAILED, reason=Reason.REFUSED)
        receive.record(session, city.site, claimed.id, 1, stale, city.clock.now())
    assert city.mail(dispatch).outcomes["accepted"] == 1


def test_good_news_of_an_earlier_attempt_ends_the_later_ones(make_city: MakeCity) -> None:
    city = make_city(attempts=3, retry_after=(60.0,))
    factories.add_people(city.site, ["busy@example.jp"])
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    with writing(city.site.engine) as session:
        receive.record(session, city.site, 1, 1, Receipt(key="", outcome=Outcome.DELIVERED), city.clock.now())
    tally = city.mail(dispatch)
    assert (tally.outcomes["delivered"], tally.open) == (1, 0)


def test_a_callback_that_arrives_before_the_receipt_is_kept(city: City) -> None:
    dispatch = begin(city, 1)
    [claimed] = take(city, "me", hand=True)
    now = city.clock.now()
    with writing(city.site.engine) as session:
        receive.record(session, city.site, claimed.id, 1, Receipt(key="", outcome=Outcome.DELIVERED), now)
    with writing(city.site.engine) as session:
        late = Next(Word(1, Outcome.ACCEPTED), None, handed=True)
        assert store.conclude(session, "me", late, [claimed.id]) == frozenset()
        store.release(session, "me", [claimed.id])
    assert city.mail(dispatch).outcomes["delivered"] == 1


def test_the_relay_sends_by_itself_when_no_worker_looks(city: City) -> None:
    dispatch = begin(city, 5)
    relay = Relay(city.site, lambda _: True)
    try:
        relay.tick()
        assert city.heard() == [], "workers have not had their time yet"
        city.clock.advance(timedelta(seconds=11))
        relay.tick()
        _join(relay)
    finally:
        relay.close()
    assert city.mail(dispatch).outcomes["accepted"] == 5
    with reading(city.site.engine) as session:
        assert [alarm.name for alarm in store.alarms(session)] == [NOBODY_LOOKS]


def test_the_relay_leaves_the_work_to_workers_that_look(city: City) -> None:
    begin(city, 5)
    with writing(city.site.engine) as session:
        session.add(
            ChannelStateRow(channel="mail", failures=0, looked_at=city.clock.now() + timedelta(seconds=9))
        )
    city.clock.advance(timedelta(seconds=11))
    relay = Relay(city.site, lambda _: True)
    try:
        relay.tick()
        _join(relay)
    finally:
        relay.close()
    assert city.heard() == []


def test_a_transmitter_is_used_by_one_sender_at_a_time(make_city: MakeCity) -> None:
    city = make_city(exclusive=True, batch_size=1)
    begin(city, 2)
    with writing(city.site.engine) as session:
        session.add(
            ChannelStateRow(
                channel="mail", failures=0, owner="other", owned_until=city.clock.now() + timedelta(seconds=8)
            )
        )
    assert city.drain() == 0
    city.clock.advance(timedelta(seconds=9))
    assert city.drain() == 2


def test_two_senders_at_once_send_nothing_twice(city: City) -> None:
    begin(city, 200)
    threads = [threading.Thread(target=city.drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    addresses = [heard.address for heard in city.heard()]
    assert len(addresses) == len(set(addresses)) == 200


def _join(relay: Relay) -> None:
    for thread in list(relay._own.values()):
        thread.join(timeout=10)


def _message(city: City, session: Session, dispatch: int) -> Message:
    return messages.Messages(city.site, "mail").of(session, dispatch).messages["ja"]


def _target(city: City, claimed: Claimed, attempt: int) -> Target:
    return messages.target(city.site, "mail", claimed.id, attempt, "p0@example.jp", claimed.contact_id)


class BrokenChannel(FakeChannel):
    """Cannot even say what it is like."""

    @property
    def traits(self) -> Traits:
        raise RuntimeError("a bug")


def test_a_sender_that_always_fails_raises_an_alarm(city: City) -> None:
    begin(city, 1)
    settings = city.site.settings["mail"]
    assert isinstance(settings, FakeSettings)
    city.site._channels["mail"] = BrokenChannel("mail", settings)
    with pytest.raises(RuntimeError):
        city.drain()
    with reading(city.site.engine) as session:
        [alarm] = store.alarms(session)
    assert alarm.name == "channel:mail" and "RuntimeError" in alarm.message
