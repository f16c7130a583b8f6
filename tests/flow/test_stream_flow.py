"""A channel that streams: hundreds are marked at once, and no more is in doubt than was on the lines."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from alertd import journal, plan, store
from alertd.alert import Status
from alertd.channel import InDoubt, Outcome, Reason, Receipt
from alertd.db import reading, writing
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.journal import Journal
from alertd.look_again import notes
from alertd.messages import DELIVERY
from alertd.outbox import Outbox
from alertd.send import drain
from alertd.store import crowds
from alertd.tables import ContactRow, DeliveryRow
from alertd.testing import FakeChannel
from alertd.testing.fake import FakeSettings
from alertd.token import unseal
from tests import factories
from tests.flow.conftest import City, MakeCity

LEASE = timedelta(seconds=8)


class StreamingChannel(FakeChannel):
    """The fake channel, taking from an outbox; `fails_after` so many parcels it is down."""

    fails_after: int | None = None
    fault: type[ChannelUnavailable | ChannelMisconfigured | RuntimeError] = ChannelUnavailable

    def stream(self, outbox: Outbox, /) -> None:
        """One parcel after the other, until no more will come."""
        more = threading.Event()
        outbox.listen(more.set)
        done = 0
        while outbox.waiting or outbox.open:
            more.clear()
            parcel = outbox.take()
            if parcel is None:
                more.wait(0.1)
                continue
            if done == self.fails_after:
                outbox.put_back(parcel)
                raise self.fault("the far end is down")
            if outbox.begin(parcel):
                (receipt,) = self.send(parcel.message, [parcel.target])
                outbox.end(parcel, receipt)
                done += 1


@pytest.fixture
def make_fast(make_city: MakeCity) -> MakeCity:
    """Makes a city whose mail channel streams."""

    def make(**changes: object) -> City:
        city = make_city(**changes)
        settings = city.site.settings["mail"]
        assert isinstance(settings, FakeSettings)
        city.site._channels["mail"] = StreamingChannel("mail", settings)
        return city

    return make


@pytest.fixture
def fast(make_fast: MakeCity) -> City:
    return make_fast()


def begin(city: City, number: int, status: Status = Status.EXERCISE) -> int:
    """An approved and planned dispatch to so many people."""
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(number)])
    dispatch = factories.submit(city.site, factories.make_alert(status=status))
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    return dispatch


def times_heard(city: City) -> Counter[int]:
    """How often each delivery was heard."""
    return Counter(unseal(city.site.secret, DELIVERY, heard.key or "") or 0 for heard in city.heard())


def test_what_has_expired_is_not_streamed_where_no_relay_has_looked_yet(fast: City) -> None:
    factories.add_people(fast.site, [f"p{n}@example.jp" for n in range(3)])
    dispatch = factories.submit(fast.site, factories.make_alert(life=timedelta(minutes=10)))
    factories.approve(fast.site, dispatch)
    plan.plan(fast.site, dispatch)
    fast.clock.advance(timedelta(minutes=11))
    fast.drain()
    assert fast.heard() == []
    assert fast.mail(dispatch).outcomes["expired"] == 3


class Dead:
    """A sender that has marked everything that is due, and died while it was sending."""

    def __init__(self, city: City, owner: str = "dead", *, elsewhere: bool = False) -> None:
        self.city = city
        owner = owner if elsewhere else journal.kin(notes(city.site)) + owner
        opened = Journal.open(notes(city.site), "mail", owner, 600)
        assert opened is not None
        self.journal = opened
        now = city.clock.now()
        with writing(city.site.engine) as session:
            marked = crowds.claim_and_mark(session, "mail", owner, limit=600, now=now, until=now + LEASE)
            self.claimed = [one.claimed for one in marked]
            self.slots = [opened.enter(one.id, one.attempt) for one in self.claimed]

    def dies(self) -> None:
        """Its process ends, its lease lapses."""
        self.journal.abandon()
        self.city.clock.advance(LEASE)


def test_everybody_is_reached_once(fast: City) -> None:
    dispatch = begin(fast, 1200)
    assert fast.drain() == 1200
    assert fast.mail(dispatch).outcomes["accepted"] == 1200
    assert set(times_heard(fast).values()) == {1}
    assert [path.name for path in notes(fast.site).iterdir()] == ["kin"], (
        "an orderly sender leaves no journal"
    )


def test_of_a_dead_sender_only_what_was_on_its_lines_is_in_doubt(fast: City) -> None:
    dispatch = begin(fast, 500)
    dead = Dead(fast)
    for slot in dead.slots[:304]:
        assert dead.journal.begin(slot)
    for slot in dead.slots[:300]:
        dead.journal.end(
            slot, Receipt(key="", outcome=Outcome.ACCEPTED, ref="Q1", detail="250 2.0.0 あ" * 40)
        )
    dead.dies()
    fast.drain()
    heard = times_heard(fast)
    assert heard.total() == 200, "what had ended is not handed over again"
    assert fast.mail(dispatch).outcomes["accepted"] == 500
    doubtful = {one.id for one in dead.claimed[300:304]}
    with reading(fast.site.engine) as session:
        said = {one.id: store.receipts(session, one.id)[0].reason for one in dead.claimed}
        kept = store.receipts(session, dead.claimed[0].id)
    assert {number for number, reason in said.items() if reason is Reason.IN_DOUBT} == doubtful
    assert (kept[0].ref, (kept[0].detail or "")[:10]) == ("Q1", "250 2.0.0 ")


def test_a_hand_over_that_never_began_is_no_attempt_and_no_doubt(make_fast: MakeCity) -> None:
    city = make_fast(in_doubt=InDoubt.HOLD, attempts=1)
    dispatch = begin(city, 50)
    dead = Dead(city)
    dead.journal.begin(dead.slots[0])
    dead.dies()
    city.drain()
    outcomes = city.mail(dispatch).outcomes
    assert (outcomes["accepted"], outcomes["unknown"]) == (49, 1)
    assert times_heard(city).total() == 49


def test_a_refusal_that_was_not_recorded_is_kept(fast: City) -> None:
    dispatch = begin(fast, 3)
    dead = Dead(fast)
    refused = Receipt(key="", outcome=Outcome.FAILED, reason=Reason.BAD_ADDRESS, detail="550 5.1.1 No")
    for slot in dead.slots:
        dead.journal.begin(slot)
        dead.journal.end(slot, refused)
    dead.dies()
    fast.drain()
    tally = fast.mail(dispatch)
    assert (tally.outcomes["failed"], times_heard(fast).total()) == (3, 0)
    assert tally.reasons == {Reason.BAD_ADDRESS: 3}


def test_a_sender_that_was_taken_over_begins_nothing_more(fast: City) -> None:
    begin(fast, 10)
    stalled = Dead(fast, "stalled")
    fast.clock.advance(LEASE)
    fast.drain()
    assert times_heard(fast).total() == 10
    assert not any(stalled.journal.begin(slot) for slot in stalled.slots)
    stalled.journal.close()


def test_a_journal_of_another_boot_is_not_believed(fast: City) -> None:
    dispatch = begin(fast, 40)
    dead = Dead(fast)
    dead.dies()
    (path,) = (path for path in notes(fast.site).iterdir() if path.name.startswith("mail."))
    pages = bytearray(path.read_bytes())
    pages[20:30] = b"0000000000"
    path.write_bytes(pages)
    fast.drain()
    assert fast.mail(dispatch).outcomes["accepted"] == 40
    with reading(fast.site.engine) as session:
        said = [store.receipts(session, one.id)[0].reason for one in dead.claimed]
    assert said == [Reason.IN_DOUBT] * 40


@pytest.mark.parametrize("fault", [ChannelUnavailable, ChannelMisconfigured, RuntimeError])
def test_a_far_end_that_goes_down_costs_no_attempt(fast: City, fault: type[RuntimeError]) -> None:
    dispatch = begin(fast, 100)
    channel = fast.site.channel("mail")
    assert isinstance(channel, StreamingChannel)
    channel.fails_after, channel.fault = 30, fault
    fast.drain()
    assert fast.mail(dispatch).outcomes["accepted"] == 30
    with reading(fast.site.engine) as session:
        (alarm,) = store.alarms(session)
    assert alarm.name == "channel:mail"
    channel.fails_after = None
    fast.clock.advance(timedelta(seconds=61))
    fast.drain()
    assert fast.mail(dispatch).outcomes["accepted"] == 100
    assert set(times_heard(fast).values()) == {1}
    with reading(fast.site.engine) as session:
        assert store.alarms(session) == []


def test_who_left_in_the_middle_gets_nothing_more(fast: City) -> None:
    dispatch = begin(fast, 5)
    with writing(fast.site.engine) as session:
        session.execute(
            update(ContactRow).where(ContactRow.address_key == "p2@example.jp").values(active=False)
        )
    fast.drain()
    outcomes = fast.mail(dispatch).outcomes
    assert (outcomes["accepted"], outcomes["cancelled"]) == (4, 1)


def test_a_stop_gives_back_what_has_not_begun(fast: City) -> None:
    dispatch = begin(fast, 30)
    stop = threading.Event()
    stop.set()
    drain(fast.site, "mail", stop)
    assert fast.mail(dispatch).outcomes["accepted"] < 30
    fast.drain()
    assert fast.mail(dispatch).outcomes["accepted"] == 30
    assert set(times_heard(fast).values()) == {1}


def test_four_senders_at_once_send_nothing_twice(fast: City) -> None:
    begin(fast, 800)
    threads = [threading.Thread(target=fast.drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(times_heard(fast).values()) == {1} and len(times_heard(fast)) == 800


def test_what_senders_elsewhere_held_is_left_to_their_own_for_a_while(fast: City) -> None:
    dispatch = begin(fast, 10)
    dead = Dead(fast, elsewhere=True)
    dead.dies()
    (path,) = (path for path in notes(fast.site).iterdir() if path.name.startswith("mail."))
    path.unlink()  # it is on another machine
    fast.drain()
    assert fast.mail(dispatch).outcomes["pending"] == 10
    fast.clock.advance(timedelta(seconds=30))
    fast.drain()
    assert fast.mail(dispatch).outcomes["accepted"] == 10


def test_what_is_tried_again_does_not_come_all_at_once(make_fast: MakeCity) -> None:
    city = make_fast(retry_after=(100.0,), retry_spread=0.5)
    factories.add_people(city.site, [f"busy@{number}.example.jp" for number in range(40)])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    city.drain()
    with reading(city.site.engine) as session:
        due = session.scalars(select(DeliveryRow.due_at)).all()
    waits = {(at - city.clock.now()).total_seconds() for at in due if at is not None}
    assert len(waits) == 40 and 100 <= min(waits) < 110 and 140 < max(waits) <= 150


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mail.x").write_bytes(b"")
    (tmp_path / "mail.y").write_bytes(b"something else")
    assert journal.read(tmp_path, "mail", {(1, 1)}) == {}
    assert journal.read(tmp_path / "nowhere", "mail", {(1, 1)}) == {}


def test_the_journals_of_the_living_are_not_cleared(tmp_path: Path) -> None:
    living, dead = (Journal.open(tmp_path, "mail", name, 4) for name in ("living", "dead"))
    assert living is not None and dead is not None
    dead.abandon()
    journal.clear(tmp_path, "mail")
    assert [path.name for path in tmp_path.iterdir()] == ["mail.living"]
    living.close()
