"""The running tally is the full count at every look, whatever was said in whatever order."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from alertd import halt, plan, receive, record, store
from alertd.channel import Answer, Outcome, Reason, Receipt
from alertd.db import reading, writing
from alertd.running_tally import RunningTallies
from alertd.store import frontier
from alertd.store.frontier import Frontier
from alertd.store.tallies import Count
from alertd.tables import ContactRow, DeliveryRow, DispatchRow, ReceiptRow
from tests import factories
from tests.factories import APPROVER
from tests.flow.conftest import City

PEOPLE = 50
STEPS = 24
_SAID = [
    *[(Outcome.ACCEPTED, None)] * 9,
    (Outcome.DEFERRED, Reason.BUSY),
    (Outcome.DEFERRED, Reason.RATE_LIMITED),
    (Outcome.FAILED, Reason.BAD_ADDRESS),
    (Outcome.DELIVERED, None),
    (Outcome.UNKNOWN, Reason.IN_DOUBT),
    (Outcome.ACKNOWLEDGED, None),
]


def _receipt(chance: random.Random) -> Receipt:
    outcome, reason = chance.choice(_SAID)
    answer = chance.choice([None, *Answer]) if outcome is Outcome.ACKNOWLEDGED else None
    return Receipt(key="", outcome=outcome, reason=reason, answer=answer)


def _hand_over(city: City, dispatch: int, chance: random.Random) -> None:
    now = city.clock.now()
    with writing(city.site.engine) as session:
        held = store.claim(
            session, "mail", "me", handed=False, limit=9, now=now, until=now + timedelta(seconds=8)
        )
        store.mark_handed(session, "me", [one.id for one in held], now)
        status = factories.make_alert().status
        said = [(one._replace(attempt=one.attempt + 1), _receipt(chance)) for one in held]
        record.record(session, city.site, "mail", "me", dispatch, status, said, now)


def _say_late(city: City, dispatch: int, chance: random.Random) -> None:
    with writing(city.site.engine) as session:
        rows = session.execute(
            select(DeliveryRow.id, DeliveryRow.attempt).where(
                DeliveryRow.dispatch_id == dispatch, DeliveryRow.attempt > 0
            )
        ).all()
        for number, attempt in chance.sample(rows, min(3, len(rows))):
            heard = chance.randint(1, attempt)
            receive.record(session, city.site, number, heard, _receipt(chance), city.clock.now())


def _wait(city: City, dispatch: int, chance: random.Random) -> None:
    city.clock.advance(timedelta(minutes=chance.choice([1, 20])))


def _stop(city: City, dispatch: int, chance: random.Random) -> None:
    if chance.random() < 0.15:
        halt.halt(city.site, dispatch, APPROVER, ["mail"])
        city.clock.advance(timedelta(seconds=1))
        halt.go_on(city.site, dispatch, APPROVER, ["mail"], reason="続ける")


def _counts(counts: list[Count] | tuple[Count, ...]) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for one in counts:
        found[one.channel, one.outcome, one.reason, one.answer, "all"] = one.deliveries
        found[one.channel, one.outcome, one.reason, one.answer, "due"] = one.due
    return +found


@pytest.mark.parametrize("seed", [1, 2])
def test_the_running_tally_is_the_full_count(city: City, seed: int) -> None:
    chance = random.Random(seed)
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(PEOPLE)])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    running = RunningTallies(large=1)
    for _ in range(STEPS):
        chance.choice([_hand_over, _hand_over, _say_late, _wait, _stop])(city, dispatch, chance)
        with reading(city.site.engine) as session:
            row = session.get_one(DispatchRow, dispatch)
            assert _counts([*running.tally(session, row)]) == _counts(store.tally(session, dispatch))
    assert running.counted < STEPS * 2 / 3, "it is mostly carried on, or this test shows nothing"


def test_what_is_planned_later_is_counted_too(city: City) -> None:
    recipient = factories.add_people(city.site, ["never@example.jp"])[0]
    with writing(city.site.engine) as session:
        session.add(ContactRow(recipient_id=recipient, kind="fake", address="b@example.jp", preference=2))
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    running = RunningTallies(large=1)
    with reading(city.site.engine) as session:
        row = session.get_one(DispatchRow, dispatch)
        running.tally(session, row)
        number = session.scalars(select(DeliveryRow.id)).one()
    with writing(city.site.engine) as session:
        store.plan_next_contacts(session, [number], {"mail": "fake"}, city.clock.now())
    with reading(city.site.engine) as session:
        counts = running.tally(session, row)
        assert sum(one.deliveries for one in counts) == 2
    assert running.counted == 1


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_row_that_appears_below_the_last_one_is_not_missed(city: City) -> None:
    """PostgreSQL gives numbers out before the commit."""
    factories.add_people(city.site, ["a@example.jp", "b@example.jp"])
    dispatch = factories.submit(city.site)
    factories.approve(city.site, dispatch)
    plan.plan(city.site, dispatch)
    running = RunningTallies(large=1)
    with reading(city.site.engine) as session:
        row = session.get_one(DispatchRow, dispatch)
        running.tally(session, row)
        first, second = session.scalars(select(DeliveryRow.id).order_by(DeliveryRow.id))
    said = Receipt(key="", outcome=Outcome.ACCEPTED)
    with writing(city.site.engine) as slow:
        store.add_receipts(slow, [(first, 0, said)], city.clock.now())
        slow.execute(update(DeliveryRow).where(DeliveryRow.id == first).values(outcome="accepted"))
        slow.flush()
        with writing(city.site.engine) as quick:
            store.add_receipts(quick, [(second, 0, said)], city.clock.now())
            quick.execute(update(DeliveryRow).where(DeliveryRow.id == second).values(outcome="accepted"))
        for expected in (1, 1):
            with reading(city.site.engine) as session:
                counts = running.tally(session, row)
                assert sum(one.deliveries for one in counts if one.outcome) == expected
    with reading(city.site.engine) as session:
        counts = running.tally(session, row)
    assert sum(one.deliveries for one in counts if one.outcome) == 2
    assert running.counted == 1


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(4, 6), (11, 20)]),
        ([(4, 20)], []),
        ([(5, 5), (12, 12), (14, 20)], [(4, 4), (6, 6), (11, 11), (13, 13)]),
        ([(1, 4), (20, 30)], [(5, 6), (11, 19)]),
    ],
)
def test_gaps_are_what_was_not_there(taken: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    assert list(frontier._without([(4, 6), (11, 20)], taken)) == left


def test_beyond_and_within_are_opposites(city: City) -> None:
    factories.add_people(city.site, [f"p{n}@example.jp" for n in range(9)])
    dispatch = factories.submit(city.site)
    city.send(dispatch)
    one = Frontier(6, ((2, 3), (5, 5)))
    with reading(city.site.engine) as session:
        beyond = set(session.scalars(select(ReceiptRow.id).where(one.beyond(ReceiptRow.id))))
        within = set(session.scalars(select(ReceiptRow.id).where(one.within(ReceiptRow.id))))
    assert within == {1, 4, 6} and beyond == {2, 3, 5, 7, 8, 9}
